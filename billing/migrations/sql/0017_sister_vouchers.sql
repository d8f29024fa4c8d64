-- Products that no gateway proxies, and the use of them that providers report (docs/concepts/sister-vouchers.md).
-- Amounts are bigint micro-won. Days are days in Korea.

-- `report_days`: how long after its last day of service use may still be reported. `objection_days`: how long a
-- company may object to what is charged by the month. `accept_from_micro`: a line of so much waits for the
-- company's acceptance; null: none but those whose unit asks for it.
create table reported_product (
    id text primary key,
    provider_id text not null references provider,
    name text not null,
    unit text not null check (unit in ('milestone', 'item', 'month', 'tflops_month', 'download', 'byte')),
    report_days integer not null check (report_days between 0 and 90),
    objection_days integer not null check (objection_days between 0 and 90),
    accept_from_micro bigint check (accept_from_micro >= 0),
    state text not null check (state in ('in_review', 'on_sale', 'suspended', 'withdrawn'))
);
create index reported_product_provider on reported_product (provider_id);

-- One name means one product, proxied or not: vouchers and statements name both by it alone.
create function product_name_is_free() returns trigger language plpgsql as $$
begin
    if (tg_table_name = 'product' and exists (select from reported_product where id = new.id))
        or (tg_table_name = 'reported_product' and exists (select from product where id = new.id)) then
        raise exception 'a product % is there already', new.id using errcode = 'unique_violation';
    end if;
    return new;
end $$;
create trigger name_is_free before insert on reported_product
    for each row execute function product_name_is_free();
create trigger name_is_free before insert on product for each row execute function product_name_is_free();

-- What one unit costs from an instant on. `tier`: of a month or TFlops-month; of a milestone '<agreement>.<number>',
-- which is its programme's affair.
create table unit_price (
    product_id text not null references reported_product,
    tier text not null,
    valid_from timestamptz not null,
    valid_from_text text not null,
    price_micro bigint not null check (price_micro >= 0),
    programme_id text references programme,
    primary key (product_id, tier, valid_from)
);
create trigger append_only before update or delete or truncate on unit_price
    for each statement execute function refuse_price_change();

-- The plan of an agreement: a lump sum for each milestone, which is its price.
create table milestone (
    agreement_id text not null references agreement,
    number integer not null check (number between 1 and 99),
    product_id text not null references reported_product,
    name text not null,
    due_on date not null,
    amount_micro bigint not null check (amount_micro >= 0),
    primary key (agreement_id, number)
);

-- The public Ed25519 keys with which providers sign. A retired one is taken until `until_at`, a revoked one never.
create sequence report_key_number as bigint;
create table report_key (
    id text primary key,
    provider_id text not null references provider,
    public_key text not null unique check (public_key ~ '^[A-Za-z0-9_-]{43}$'),
    state text not null check (state in ('current', 'retired', 'revoked')),
    from_at timestamptz not null,
    until_at timestamptz,
    check ((state = 'current') = (until_at is null))
);
create index report_key_provider on report_key (provider_id);

-- Every report that was signed by a provider, word for word; also one that came under the id of another.
create sequence usage_report_number as bigint;
create table usage_report (
    id text primary key,
    provider_id text not null references provider,
    report_id text not null,        -- theirs
    key_id text not null references report_key,
    issued_at timestamptz not null,
    content_sha256 text not null check (content_sha256 ~ '^[0-9a-f]{64}$'),
    signed text not null,           -- the JWS as it came
    outcome text not null check (outcome in ('taken', 'contradicts')),
    result jsonb not null,          -- what became of each line, as it was answered
    received_at timestamptz not null
);
create unique index usage_report_taken on usage_report (provider_id, report_id) where outcome = 'taken';
create unique index usage_report_once on usage_report (provider_id, report_id, content_sha256);

-- A line that was taken. What it says stays; its state moves, and it is charged once. `units` in `per` of a unit.
create sequence report_line_number as bigint;
create table report_line (
    id text primary key,
    provider_id text not null references provider,
    line_id text not null,          -- theirs
    report_id text not null references usage_report deferrable initially deferred,
    content_sha256 text not null check (content_sha256 ~ '^[0-9a-f]{64}$'),
    company_id text not null references company,
    agreement_id text references agreement,
    product_id text not null references reported_product,
    tier text not null,
    unit text not null,
    units bigint not null check (units >= 0),
    per bigint not null check (per >= 1),
    from_on date not null,
    to_on date not null,
    served_ms bigint not null,
    price_entry text not null,
    price_from text not null,
    amount_micro bigint not null check (amount_micro >= 0),
    evidence text not null,
    corrects text references report_line,
    needs_acceptance boolean not null,
    due_at timestamptz not null,
    reported_at timestamptz not null,
    state text not null check (state in ('reported', 'accepted', 'objected', 'charged', 'rejected', 'withdrawn')),
    waits_for text,
    voucher_id text,
    check (from_on <= to_on),
    check ((state = 'charged') = (voucher_id is not null)),
    unique (provider_id, line_id)
);
create index report_line_company on report_line (company_id);
create index report_line_undecided on report_line (due_at) where state in ('reported', 'accepted', 'objected');
create unique index report_line_milestone on report_line (product_id, tier)
    where unit = 'milestone' and corrects is null and state not in ('rejected', 'withdrawn');
create unique index report_line_correction on report_line (corrects)
    where state in ('reported', 'accepted', 'objected');

create function report_line_stays() returns trigger language plpgsql as $$
begin
    if (to_jsonb(new) - array['state', 'waits_for', 'voucher_id'])
        <> (to_jsonb(old) - array['state', 'waits_for', 'voucher_id']) or old.voucher_id is not null then
        raise exception 'what was reported is corrected by a new line' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger content_stays before update on report_line for each row execute function report_line_stays();
create trigger stays before delete or truncate on report_line for each statement execute function refuse_removal();
create trigger stays before delete or truncate on reported_product
    for each statement execute function refuse_removal();
create trigger stays before delete or truncate on report_key for each statement execute function refuse_removal();
create trigger append_only before update or delete or truncate on milestone
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on usage_report
    for each statement execute function refuse_change();
revoke update, delete, truncate on unit_price, milestone, usage_report from public, current_user;

create constraint trigger stepped after insert or update of state on reported_product
    deferrable initially deferred for each row execute function state_is_logged('reported_product', 'id');
create constraint trigger stepped after insert or update of state on report_key
    deferrable initially deferred for each row execute function state_is_logged('report_key', 'id');
create constraint trigger stepped after insert or update of state on report_line
    deferrable initially deferred for each row execute function state_is_logged('report_line', 'id');

-- In the log of the books: what a charge can be computed again from, and who signed for it.
create trigger logged after insert or update on reported_product for each row execute function log_directory();
create trigger logged after insert on unit_price for each row execute function log_directory();
create trigger logged after insert or update on report_key for each row execute function log_directory();
create trigger logged after insert on usage_report for each row execute function log_directory();
create trigger logged after insert on report_line for each row execute function log_directory();
