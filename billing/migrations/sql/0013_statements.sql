-- Months in Korea ('2026-10'), what they came to, corrections, reconciliations (docs/concepts/statements.md,
-- docs/concepts/reconciliation.md). Amounts are bigint micro-won, or whole won where the name says so.

create function korean_month(ms bigint) returns text immutable parallel safe language sql as $$
    select to_char(date '1970-01-01' + ((ms + 32400000) / 86400000)::integer, 'YYYY-MM')
$$;
create function month_end_ms(month text) returns bigint immutable parallel safe language sql as $$
    select (((month || '-01')::date + interval '1 month')::date - date '1970-01-01')::bigint * 86400000 - 32400000
$$;

-- Rows come in the order of time, nearly: an index of ranges finds a month and costs next to nothing.
create index usage_held on usage using brin (held_at_ms) with (pages_per_range = 32, autosummarize = on);

-- A month that is closed; there is one after the other, without gaps. What its statements say is in
-- statement_line; `lines_sha256` is over all of them, and stands in the log of the books by this row.
create table closed_month (
    month text primary key check (month ~ '^20[0-9][0-9]-(0[1-9]|1[0-2])$'),
    state text not null default 'closed' check (state = 'closed'),
    lines bigint not null check (lines >= 0),
    charge_micro bigint not null,
    lines_sha256 text not null check (lines_sha256 ~ '^[0-9a-f]{64}$')
);
create trigger append_only before update or delete or truncate on closed_month
    for each statement execute function refuse_change();
create trigger logged after insert on closed_month for each row execute function log_directory();
create constraint trigger stepped after insert on closed_month deferrable initially deferred
    for each row execute function state_is_logged('month', 'month');

create table statement_line (
    month text not null references closed_month,
    programme_id text not null,
    company_id text not null,
    voucher_id text not null,
    provider_id text not null,
    product_id text not null,           -- '' for the rest of the month before
    kind text not null check (kind in ('usage', 'correction', 'rest')),
    service_month text not null check (service_month <= month),
    calls bigint not null,
    government_micro bigint not null,
    self_micro bigint not null,
    own_micro bigint not null,
    uncollected_micro bigint not null,
    government_won bigint not null,
    self_won bigint not null,
    own_won bigint not null,
    uncollected_won bigint not null,
    primary key (month, voucher_id, provider_id, product_id, service_month, kind)
);
create index statement_line_company on statement_line (company_id, month);
create index statement_line_provider on statement_line (provider_id, month);
create index statement_line_programme on statement_line (programme_id, month);
create trigger append_only before update or delete or truncate on statement_line
    for each statement execute function refuse_change();

-- Steps of calls that were booked after the month of their service was closed, and the month that has them instead.
create table late_usage (
    op text not null,
    step smallint not null,
    month text not null check (month ~ '^20[0-9][0-9]-(0[1-9]|1[0-2])$'),
    primary key (op, step)
);
create index late_usage_month on late_usage (month);
create trigger append_only before update or delete or truncate on late_usage
    for each statement execute function refuse_change();
revoke update, delete, truncate on closed_month, statement_line, late_usage from public, current_user;

-- A closed month takes nothing: no entry of its days, no call of its days that no later month has, no late call.
-- Who does not know of months is told to wait, not that its row is bad.
create function entries_in_open_months() returns trigger language plpgsql as $$
declare
    open_from timestamptz := to_timestamp(month_end_ms((select max(month) from closed_month)) / 1000);
begin
    if exists (select from added where booked_at < open_from) then
        raise exception 'an entry dated in a closed month' using errcode = 'object_not_in_prerequisite_state';
    end if;
    return null;
end $$;
create function usage_in_open_months() returns trigger language plpgsql as $$
declare
    open_ms bigint := month_end_ms((select max(month) from closed_month));
begin
    if exists (
        select from added a where a.held_at_ms < open_ms and not exists (
            select from late_usage l where (l.op, l.step) = (a.op, a.step))
    ) then
        raise exception 'a call of a closed month that no open month has'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return null;
end $$;
create function late_in_open_months() returns trigger language plpgsql as $$
begin
    if exists (select from added where month <= (select max(month) from closed_month)) then
        raise exception 'a late call in a closed month' using errcode = 'object_not_in_prerequisite_state';
    end if;
    return null;
end $$;
create trigger in_an_open_month after insert on entry
    referencing new table as added for each statement execute function entries_in_open_months();
create trigger in_an_open_month after insert on usage
    referencing new table as added for each statement execute function usage_in_open_months();
create trigger in_an_open_month after insert on late_usage
    referencing new table as added for each statement execute function late_in_open_months();

-- What calls should have cost, proposed by one person and approved by another. The calls' rows are never
-- edited: an approved correction books the difference as a step of each.
create sequence correction_number as bigint;
create table correction (
    id text primary key,
    state text not null check (state in ('proposed', 'approved', 'refused', 'withdrawn')),
    provider_id text not null references provider,
    cause text not null check (cause in ('price', 'reconciliation')),
    product_id text,
    run_id text,
    proposer text not null,
    reason text not null,
    created_at timestamptz not null
);
create index correction_provider on correction (provider_id);
create table correction_call (
    correction_id text not null references correction,
    op text not null,
    step smallint not null,         -- of the call, that this was judged by
    kind text not null check (kind in ('correction', 'true_up')),
    held_at_ms bigint not null,
    before_micro bigint not null check (before_micro >= 0),
    after_micro bigint not null check (after_micro >= 0),
    price_entry text not null,
    price_from text not null,
    tokens jsonb not null,          -- by class, as they are charged now
    primary key (correction_id, op)
);
create index correction_call_op on correction_call (op);
create trigger append_only before update or delete or truncate on correction_call
    for each statement execute function refuse_change();
create trigger stays before delete or truncate on correction for each statement execute function refuse_removal();
create constraint trigger logged after insert or update of state on correction deferrable initially deferred
    for each row execute function state_is_logged('correction', 'id');

-- A provider's own statement beside the books. A run is never changed; what follows from it are corrections.
create sequence reconciliation_number as bigint;
create table reconciliation (
    id text primary key,
    provider_id text not null references provider,
    month text not null check (month ~ '^20[0-9][0-9]-(0[1-9]|1[0-2])$'),
    file_name text not null,
    file_sha256 text not null check (file_sha256 ~ '^[0-9a-f]{64}$'),
    rows bigint not null check (rows >= 0),
    result jsonb not null,          -- count and sums by class
    person text not null,
    at timestamptz not null
);
create index reconciliation_provider on reconciliation (provider_id);
create table reconciliation_line (
    reconciliation_id text not null references reconciliation,
    number integer not null check (number >= 1),
    class text not null check (class in ('differs', 'only_theirs', 'only_ours')),
    upstream_request_id text,
    op text,
    theirs jsonb,
    ours jsonb,
    reasons text[] not null,
    primary key (reconciliation_id, number)
);
create trigger append_only before update or delete or truncate on reconciliation
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on reconciliation_line
    for each statement execute function refuse_change();
revoke update, delete, truncate on correction_call, reconciliation, reconciliation_line from public, current_user;
