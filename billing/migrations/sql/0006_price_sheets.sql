-- An entry of the price list may have sheets beside its own: tiers (for long inputs, for a service tier, for
-- batches) and the prices of other models. Each is a row with complete numbers, written with its entry and, as
-- that, never changed. What was declared in dollars is kept beside the won it became.
alter table price add column dollars jsonb;

create table price_sheet (
    product_id text not null,
    valid_from timestamptz not null,
    valid_from_text text not null,
    name text not null check (name ~ '^[a-z0-9._-]{1,100}$'),  -- what follows the # of its id
    input_tokens_over bigint check (input_tokens_over > 0),
    service_tier text,
    batch boolean not null,
    model text,                     -- the vendor's name of another model; then it has no condition
    input bigint not null check (input >= 0),
    cached_input bigint not null check (cached_input >= 0),
    cache_write bigint not null check (cache_write >= 0),
    cache_write_1h bigint not null check (cache_write_1h >= 0),
    output bigint not null check (output >= 0),
    input_audio bigint not null check (input_audio >= 0),
    output_audio bigint not null check (output_audio >= 0),
    per_request bigint not null check (per_request >= 0),
    per_image bigint not null check (per_image >= 0),
    per_second bigint not null check (per_second >= 0),
    per_1000_characters bigint not null check (per_1000_characters >= 0),
    per_search bigint not null check (per_search >= 0),
    dollars jsonb,
    primary key (product_id, valid_from, name),
    foreign key (product_id, valid_from) references price,
    check ((model is null) = (batch or service_tier is not null or input_tokens_over is not null))
);
create trigger touch_product after insert on price_sheet for each row execute function touch_product();
create trigger append_only before update or delete or truncate on price_sheet
    for each statement execute function refuse_price_change();
create trigger logged after insert on price_sheet for each row execute function log_directory();
