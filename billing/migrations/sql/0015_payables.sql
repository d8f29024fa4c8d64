-- What providers are owed for closed months, how they are paid, and objections (docs/concepts/payables.md).
-- Amounts are whole won where the name says so, else bigint micro-won.

alter table entry drop constraint entry_kind_check;
alter table entry add constraint entry_kind_check check (kind in (
    'grant', 'deposit', 'capacity', 'lend', 'return', 'usage', 'correction', 'expiry',
    'payment', 'pay_in', 'refund', 'dispute', 'holdback', 'payout', 'paid_out'));
-- A company's own money and a provider's payout are no programme's and no voucher's: both texts are empty.
alter table entry drop constraint entry_has_its_place;
alter table entry add constraint entry_has_its_place check (
    (kind in ('payment', 'pay_in', 'refund', 'dispute', 'holdback', 'payout', 'paid_out'))
    = (programme_id = '' and voucher_id = ''));

-- Which part of a month's payables a programme withholds, from a month on. The latest row of the latest month holds.
create table programme_holdback (
    id bigint generated always as identity primary key,
    programme_id text not null references programme,
    from_month text not null check (from_month ~ '^20[0-9][0-9]-(0[1-9]|1[0-2])$'),
    basis_points integer not null check (basis_points between 0 and 5000),
    person text not null,
    at timestamptz not null
);
create index programme_holdback_programme on programme_holdback (programme_id, from_month);

-- One provider's part of one closed month ('month'), or what was withheld of such and is released ('holdback').
-- Lines may be of a provider that the directory does not know; nobody can pay it, since it has no account.
create sequence payable_number as bigint;
create table payable (
    id text primary key,
    provider_id text not null,
    month text not null references closed_month,
    kind text not null check (kind in ('month', 'holdback')),
    of_payable text unique references payable,      -- what a released holdback was withheld of
    state text not null check (state in ('due', 'carried', 'proposed', 'approved', 'in_payment', 'paid', 'failed',
                                         'on_hold')),
    lines_won bigint not null,                      -- the supply value of its lines
    carried_won bigint not null check (carried_won <= 0),
    carried_from text unique references payable,    -- the one below nothing that this one takes along
    holdback_won bigint not null,                   -- withheld; of a released holdback minus what was withheld
    amount_won bigint not null,
    uncollected_won bigint not null,                -- on its lines, paid by nobody
    rest_micro bigint not null,                     -- carried into the next month's lines
    proposer text,
    hold_reason text,
    hold_case text,
    created_at timestamptz not null,
    unique (provider_id, month, kind),
    check (amount_won = lines_won + carried_won - holdback_won),
    check ((kind = 'holdback') = (of_payable is not null)),
    check ((state = 'carried') = (amount_won <= 0)),
    check ((state = 'on_hold') = (hold_reason is not null))
);
create function refuse_other_amounts() returns trigger language plpgsql as $$
begin
    if (new.id, new.provider_id, new.month, new.kind, new.of_payable, new.lines_won, new.carried_won, new.carried_from,
        new.holdback_won, new.amount_won, new.uncollected_won, new.rest_micro)
        is distinct from (old.id, old.provider_id, old.month, old.kind, old.of_payable, old.lines_won, old.carried_won,
        old.carried_from, old.holdback_won, old.amount_won, old.uncollected_won, old.rest_micro)
    then
        raise exception 'a payable keeps its amounts' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger keeps_its_amounts before update on payable for each row execute function refuse_other_amounts();
create trigger stays before delete or truncate on payable for each statement execute function refuse_removal();
create constraint trigger logged after insert or update of state on payable deferrable initially deferred
    for each row execute function state_is_logged('payable', 'id');

-- Where a provider is paid. The account's number is sealed for its row; what is shown of it are its last characters.
create sequence payout_account_number as bigint;
create table payout_account (
    id text primary key,
    provider_id text not null references provider,
    rail text not null check (rail in ('bank', 'stripe')),
    state text not null check (state in ('entered', 'confirmed', 'refused', 'replaced')),
    bank_code text check (bank_code ~ '^[0-9]{3}$'),
    holder text not null,
    sealed bytea not null,
    last_characters text not null,
    person text not null,
    created_at timestamptz not null,
    check ((rail = 'bank') = (bank_code is not null))
);
create unique index payout_account_in_force on payout_account (provider_id, rail) where state = 'confirmed';
create unique index payout_account_waiting on payout_account (provider_id, rail) where state = 'entered';
create trigger stays before delete or truncate on payout_account
    for each statement execute function refuse_removal();
create constraint trigger logged after insert or update of state on payout_account deferrable initially deferred
    for each row execute function state_is_logged('payout_account', 'id');

-- A bank file: written once, its content sealed for its row, the hash of its bytes in the clear.
create sequence payout_batch_number as bigint;
create table payout_batch (
    id text primary key,
    payouts integer not null check (payouts > 0),
    amount_won bigint not null check (amount_won > 0),
    file_sha256 text not null check (file_sha256 ~ '^[0-9a-f]{64}$'),
    sealed bytea not null,
    person text not null,
    at timestamptz not null
);

-- A payment to a provider. What became of it are its facts, each learned once; `payout_fact` with `paid` is where
-- "payout made" is told from.
create sequence payout_number as bigint;
create table payout (
    id text primary key,
    payable_id text not null references payable,
    provider_id text not null references provider,
    rail text not null check (rail in ('bank', 'stripe')),
    account_id text not null references payout_account,
    batch_id text references payout_batch,
    amount_won bigint not null check (amount_won > 0),
    memo text not null,
    person text not null,
    at timestamptz not null,
    check ((rail = 'bank') = (batch_id is not null))
);
create index payout_payable on payout (payable_id);
create index payout_batch_payouts on payout (batch_id);
create table payout_fact (
    payout_id text not null references payout,
    word text not null check (word in ('sent', 'paid', 'returned')),
    ref text not null,                  -- the rail's own name of it
    reason text not null,
    at timestamptz not null,
    primary key (payout_id, word)
);

-- Which entries were booked for what: the key is the payable's or the payout's id and what happened.
create table payable_entry (
    key text primary key,
    payable_id text not null references payable,
    amount_won bigint not null check (amount_won > 0),
    entry_id bigint not null unique
);
create index payable_entry_payable on payable_entry (payable_id);

-- Against a payable, or a line of a company's statement that is a part of it.
create sequence objection_number as bigint;
create table objection (
    id text primary key,
    payable_id text not null references payable,
    provider_id text not null,
    company_id text,                    -- null: the provider's own
    month text not null,
    voucher_id text,
    product_id text,
    reason text not null,
    state text not null check (state in ('open', 'upheld', 'rejected', 'withdrawn')),
    answer text,
    correction_id text references correction,
    person text not null,
    created_at timestamptz not null,
    check ((company_id is null) = (voucher_id is null and product_id is null)),
    check ((state = 'upheld') = (correction_id is not null))
);
create index objection_payable on objection (payable_id);
create index objection_company on objection (company_id);
create trigger stays before delete or truncate on objection for each statement execute function refuse_removal();
create constraint trigger logged after insert or update of state on objection deferrable initially deferred
    for each row execute function state_is_logged('objection', 'id');

alter table payment_job drop constraint payment_job_kind_check;
alter table payment_job add constraint payment_job_kind_check
    check (kind in ('event', 'look', 'refund', 'charge', 'transfer'));

create trigger append_only before update or delete or truncate on programme_holdback
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payout_batch
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payout
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payout_fact
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payable_entry
    for each statement execute function refuse_change();
revoke update, delete, truncate on programme_holdback, payout_batch, payout, payout_fact, payable_entry
    from public, current_user;
