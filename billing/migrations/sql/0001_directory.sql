-- Amounts are bigint micro-won (prices: micro-won per 1,000,000 tokens, or per unit). Days are days in Korea.

-- One row: how often the directory changed. It is written once per SQL transaction that changes the directory,
-- and its row lock makes those follow one another, so revisions appear in the order of their commits and a
-- reader who has seen revision n has seen every change up to n.
create table directory_revision (
    one boolean primary key default true check (one),
    revision bigint not null,
    writer xid8
);
insert into directory_revision values (true, 0, null);

create function directory_stamp() returns bigint language plpgsql as $$
declare
    stamped bigint;
begin
    update directory_revision set revision = revision + 1, writer = pg_current_xact_id()
        where writer is distinct from pg_current_xact_id() returning revision into stamped;
    if found then
        perform pg_notify('directory', stamped::text);
    else
        select revision into stamped from directory_revision;
    end if;
    return stamped;
end $$;

create function stamp_row() returns trigger language plpgsql as $$
begin
    new.revision := directory_stamp();
    return new;
end $$;

create table programme (
    id text primary key,
    name text not null,
    legal_basis text check (legal_basis in ('보조금', '출연금')),
    budget_micro bigint not null check (budget_micro >= 0),
    max_voucher_micro bigint not null check (max_voucher_micro >= 0),
    starts_on date not null,
    ends_on date not null,
    revision bigint not null,
    check (starts_on <= ends_on)
);

-- The government's part of the supply value, by company class. A voucher keeps the share it was made with.
create table programme_share (
    programme_id text not null references programme,
    class_name text not null,
    share_ppm integer not null check (share_ppm between 0 and 1000000),
    revision bigint not null,
    primary key (programme_id, class_name)
);

create table provider (
    id text primary key,
    name text not null,
    brn text check (brn ~ '^[0-9]{10}$'),
    revision bigint not null
);

create table product (
    id text primary key,
    provider_id text not null references provider,
    scale text not null check (scale in ('small', 'medium', 'large', 'hyperscale')),
    purposes text[] not null,
    context_tokens bigint not null check (context_tokens > 0),
    max_output_tokens bigint not null check (max_output_tokens >= 0),
    input_overhead_tokens bigint not null check (input_overhead_tokens >= 0),
    data_location text,
    trains_on_input boolean,
    retention_days integer check (retention_days >= 0),
    on_client_gone text not null check (on_client_gone in ('drain', 'cancel')),
    active boolean not null,
    created_at timestamptz not null,
    revision bigint not null
);
create index product_revision on product (revision);

-- Where a product's calls go. The vendor's API key is sealed (billing.secrets), never in clear.
create table upstream (
    product_id text not null references product,
    position smallint not null check (position >= 0),
    dialect text not null,
    vendor text,
    base_url text not null,
    model text not null,
    sealed_api_key bytea,
    priority integer not null,
    weight integer not null check (weight >= 1),
    connect_timeout_ms integer not null check (connect_timeout_ms > 0),
    first_byte_timeout_ms integer not null check (first_byte_timeout_ms > 0),
    idle_timeout_ms integer not null check (idle_timeout_ms > 0),
    primary key (product_id, position)
);

-- A price list entry is superseded by a later one, never edited.
create table price (
    product_id text not null references product,
    valid_from timestamptz not null,
    valid_from_text text not null,
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
    primary key (product_id, valid_from)
);

create table company (
    id text primary key,
    name text not null,
    brn text check (brn ~ '^[0-9]{10}$'),
    class_name text not null,
    data_locations text[],
    active boolean not null,
    revision bigint not null
);
create index company_revision on company (revision);

create table voucher (
    id text primary key,
    company_id text not null references company,
    programme_id text not null references programme,
    class_name text not null,
    share_ppm integer not null check (share_ppm between 0 and 1000000),
    government_micro bigint not null check (government_micro >= 0),
    self_micro bigint not null check (self_micro >= 0),
    starts_on date,
    ends_on date,
    products text[],
    state text not null check (state in ('active', 'suspended')),
    revision bigint not null,
    check (starts_on <= ends_on)
);
create index voucher_company on voucher (company_id);
create index voucher_programme on voucher (programme_id);
create index voucher_revision on voucher (revision);

create table api_key (
    company_id text not null references company,
    name text not null,
    key_hash bytea not null unique,
    last_characters text not null,
    products text[],
    expires_at timestamptz,
    allowed_ips text[],
    limits jsonb not null,
    revoked boolean not null,
    created_at timestamptz not null,
    revision bigint not null,
    primary key (company_id, name)
);
create index api_key_revision on api_key (revision);

create trigger stamp before insert or update on programme for each row execute function stamp_row();
create trigger stamp before insert or update on programme_share for each row execute function stamp_row();
create trigger stamp before insert or update on provider for each row execute function stamp_row();
create trigger stamp before insert or update on product for each row execute function stamp_row();
create trigger stamp before insert or update on company for each row execute function stamp_row();
create trigger stamp before insert or update on voucher for each row execute function stamp_row();
create trigger stamp before insert or update on api_key for each row execute function stamp_row();

-- A product is read with its upstreams and prices, a voucher with its programme's dates: they change together.
create function touch_product() returns trigger language plpgsql as $$
begin
    update product set id = id where id = coalesce(new.product_id, old.product_id);
    return null;
end $$;
create trigger touch_product after insert or update or delete on upstream
    for each row execute function touch_product();
create trigger touch_product after insert on price for each row execute function touch_product();

create function touch_vouchers() returns trigger language plpgsql as $$
begin
    update voucher set id = id where programme_id = new.id;
    return null;
end $$;
create trigger touch_vouchers after update on programme for each row
    when ((old.starts_on, old.ends_on) is distinct from (new.starts_on, new.ends_on))
    execute function touch_vouchers();

create function refuse_price_change() returns trigger language plpgsql as $$
begin
    raise exception 'a price list entry is superseded, never changed' using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on price
    for each statement execute function refuse_price_change();

-- Readers follow revisions and would not see a row disappear: things are revoked, suspended or made inactive.
create function refuse_removal() returns trigger language plpgsql as $$
begin
    raise exception 'nothing is removed from %', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger stays before delete or truncate on programme
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on provider
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on product
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on company
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on voucher
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on api_key
    for each statement execute function refuse_removal();
