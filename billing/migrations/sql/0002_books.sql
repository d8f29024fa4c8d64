-- Amounts are bigint micro-won, instants of calls are bigint milliseconds since 1970 (UTC).

create table house (name text primary key, value text not null);
insert into house values ('lanes', '64');

-- The life of one Redis data set, per lane. The ticket ties it to the data set that asked for it.
create table lane_epoch (
    lane smallint not null check (lane >= 0),
    n bigint not null check (n > 0),
    ticket text not null unique,
    state text not null check (state in ('open', 'closing', 'closed')),
    opened boolean not null default false,
    drained boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    fenced_at timestamptz,
    closed_at timestamptz,
    primary key (lane, n),
    check ((state = 'open') = (fenced_at is null))
);
create unique index lane_epoch_one_open on lane_epoch (lane) where state = 'open';
create index lane_epoch_closing on lane_epoch (lane, n) where state = 'closing';

-- A voucher's line: how far it reaches, how far it was charged, what no epoch has. Its row is the voucher's lock.
create table funds (
    voucher_id text primary key,
    company_id text not null,
    programme_id text not null,
    lane smallint not null,
    share_ppm integer not null check (share_ppm between 0 and 1000000),
    government_micro bigint not null check (government_micro >= 0),
    self_micro bigint not null check (self_micro >= 0),
    capacity_micro bigint not null check (capacity_micro >= 0),
    free_micro bigint not null check (free_micro >= 0),
    charged_micro bigint not null default 0 check (charged_micro >= 0),
    direct_micro bigint not null default 0 check (direct_micro >= 0),
    expired_government_micro bigint not null default 0 check (expired_government_micro >= 0),
    expired_self_micro bigint not null default 0 check (expired_self_micro >= 0),
    state text not null check (state in ('active', 'suspended', 'ended')),
    ends_ms bigint not null,
    check (free_micro + charged_micro <= capacity_micro)
);
create index funds_company on funds (company_id);

-- What an epoch was lent of a voucher. `beyond`: posted to this loan, but unknown to the purse's own count.
-- `told`: the limit under `ver`; `sent_ver`: the last version the purse confirmed; `recall`: a target asked for.
create table loan (
    lane smallint not null,
    n bigint not null,
    voucher_id text not null references funds,
    ver integer not null check (ver >= 1),
    sent_ver integer not null default 0,
    lent_micro bigint not null check (lent_micro >= 0),
    posted_micro bigint not null default 0 check (posted_micro >= 0),
    returned_micro bigint not null default 0 check (returned_micro >= 0),
    beyond_micro bigint not null default 0,
    told_micro bigint not null check (told_micro >= 0),
    recall_micro bigint check (recall_micro >= 0),
    primary key (lane, n, voucher_id),
    foreign key (lane, n) references lane_epoch,
    check (posted_micro + returned_micro <= lent_micro)
);
create index loan_voucher on loan (voucher_id);
create index loan_unsent on loan (lane, n) where ver > sent_ver;

-- A hold of a gateway that has left the epoch: its settlement may still come.
create table claim (
    op text primary key,
    lane smallint not null,
    n bigint not null,
    gateway_id text not null,
    voucher_id text not null,
    amount_micro bigint not null check (amount_micro >= 0)
);
create index claim_epoch on claim (lane, n, voucher_id);

create table gateway (
    id text primary key,
    registered_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    buried_at timestamptz
);
create index gateway_living on gateway (registered_at) where buried_at is null;

create table left_epoch (
    lane smallint not null,
    n bigint not null,
    gateway_id text not null,
    primary key (lane, n, gateway_id)
);

create table gone_gateway (
    lane smallint not null,
    gateway_id text not null,
    primary key (lane, gateway_id)
);

-- The sub-ledger: one row per call and step. Step 0 is the first booking; a later step carries the new
-- cumulative amounts and, in d_…, the difference that its entry books.
create sequence usage_seq as bigint;
create table usage (
    op text not null,
    step smallint not null check (step >= 0),
    seq bigint not null default nextval('usage_seq'),
    entry_id bigint,
    lane smallint not null,
    n bigint not null,
    kind text not null check (kind in ('settled', 'swept', 'true_up', 'correction')),
    company_id text not null,
    programme_id text not null,
    voucher_id text not null,
    provider_id text not null,
    product_id text not null,
    key_id text not null,
    api_key text not null,
    tag text,
    request_id text not null,
    gateway_id text not null,
    dialect text not null,
    stream boolean not null,
    status text not null check (status in ('settled', 'released')),
    end_reason text not null,
    client_gone boolean not null,
    estimated boolean not null,
    error text,
    started_ms bigint not null,
    held_at_ms bigint not null,
    finished_ms bigint not null,
    price_entry text not null,
    price_from text not null,
    upstream text,
    upstream_request_id text,
    input_tokens bigint not null,
    cached_input_tokens bigint not null,
    cache_write_tokens bigint not null,
    cache_write_1h_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    input_audio_tokens bigint not null,
    output_audio_tokens bigint not null,
    units jsonb not null,
    charge_micro bigint not null check (charge_micro >= 0),
    government_micro bigint not null,
    self_micro bigint not null,
    own_micro bigint not null default 0,
    uncollected_micro bigint not null check (uncollected_micro >= 0),
    from_loan_micro bigint not null check (from_loan_micro >= 0),
    from_free_micro bigint not null check (from_free_micro >= 0),
    d_charge_micro bigint not null,
    d_government_micro bigint not null,
    d_self_micro bigint not null,
    d_uncollected_micro bigint not null,
    d_from_loan_micro bigint not null,
    d_from_free_micro bigint not null,
    posted_at timestamptz not null default now(),
    primary key (op, step),
    check (government_micro + self_micro + own_micro + uncollected_micro = charge_micro),
    check (from_loan_micro + from_free_micro = government_micro + self_micro)
);
create index usage_newest on usage (company_id, seq desc) where step = 0;

-- The latest step of every call, at the place in the list its first booking gave it.
create view usage_now as
select first.seq as first_seq, latest.*
from usage first
cross join lateral (select * from usage u where u.op = first.op order by u.step desc limit 1) latest
where first.step = 0;

-- A key's spending per day in Korea, by service time; what `krw_per_day` starts from in a new epoch.
create table key_day (
    key_id text not null,
    day integer not null,
    spent_micro bigint not null,
    primary key (key_id, day)
);

create sequence entry_id_seq as bigint;
create table entry (
    id bigint primary key default nextval('entry_id_seq'),
    kind text not null check (kind in ('grant', 'deposit', 'capacity', 'lend', 'return', 'usage', 'correction',
                                       'expiry')),
    programme_id text not null,
    voucher_id text not null,
    provider_id text,
    lane smallint,
    n bigint,
    booked_at timestamptz not null default now()
);
create index entry_voucher on entry (voucher_id, id);

create table posting (
    entry_id bigint not null,
    leg smallint not null,
    account text not null,
    amount_micro bigint not null check (amount_micro <> 0),
    primary key (entry_id, leg)
);
create index posting_account on posting (account, entry_id);

create table parked (
    id bigint generated always as identity primary key,
    lane smallint not null,
    stream_id text not null,
    kind text not null,
    op text not null,
    reason text not null,
    payload bytea not null,
    parked_at timestamptz not null default now()
);

-- One call per Idempotency-Key, whatever happens to Redis: same key, same op, hence one charge.
create table idem (
    company_id text not null,
    key_hash bytea not null,
    route text not null,
    body_hash bytea not null,
    op text not null,
    gateway_id text not null,
    state text not null check (state in ('running', 'answered', 'not_kept')),
    sealed bytea,
    expires_at timestamptz not null,
    primary key (company_id, key_hash, route)
);
create index idem_expires on idem (expires_at);

-- An entry is inserted with all its legs in one statement, and they sum to zero.
create function postings_balance() returns trigger language plpgsql as $$
begin
    if exists (select from added group by entry_id having sum(amount_micro) <> 0) then
        raise exception 'an entry does not balance' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger postings_balance after insert on posting
    referencing new table as added for each statement execute function postings_balance();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on usage
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on entry
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on posting
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on parked
    for each statement execute function refuse_change();
revoke update, delete, truncate on usage, entry, posting, parked from public, current_user;
