-- The company's own money (docs/concepts/deposits.md). Amounts are bigint micro-won.

alter table entry drop constraint entry_kind_check;
alter table entry add constraint entry_kind_check check (kind in (
    'grant', 'deposit', 'capacity', 'lend', 'return', 'usage', 'correction', 'expiry',
    'payment', 'pay_in', 'refund', 'dispute'));
-- An entry of a company's own money belongs to no programme and no voucher: both texts are empty.
alter table entry add constraint entry_has_its_place check (
    (kind in ('payment', 'pay_in', 'refund', 'dispute')) = (programme_id = '' and voucher_id = ''));

-- What a company has paid and put nowhere yet, and what it owes. Its row is the lock of the company's own money.
create table own_money (
    company_id text primary key references company,
    own_micro bigint not null default 0 check (own_micro >= 0),
    owed_micro bigint not null default 0 check (owed_micro >= 0)
);

-- One wish to pay. What became of it is the fold of its facts; the state is kept for lists.
create sequence payment_number as bigint;
create table payment (
    id text primary key,
    company_id text not null references company,
    rail text not null check (rail in ('stripe', 'bank')),
    method text not null check (method in ('checkout', 'intent', 'automatic', 'transfer')),
    voucher_id text references voucher,         -- null: own money
    amount_micro bigint not null check (amount_micro > 0 and amount_micro % 1000000 = 0),
    save_card boolean not null default false,
    state text not null check (state in ('started', 'failed', 'paid', 'partly_refunded', 'refunded',
                                         'disputed', 'won', 'lost')),
    intent_id text,                             -- the rail's own name of it: pi_…, or a bank's line
    session_id text,
    person text not null,
    created_at timestamptz not null,
    unique (rail, intent_id),
    unique (rail, session_id)
);
create index payment_company on payment (company_id);
create unique index payment_one_automatic on payment (company_id) where method = 'automatic' and state = 'started';
create constraint trigger logged after insert or update of state on payment deferrable initially deferred
    for each row execute function state_is_logged('payment', 'id');
create trigger stays before delete or truncate on payment for each statement execute function refuse_removal();

-- What was learned of a payment, each thing once: told by whoever moves the money, or asked for by us.
create table payment_fact (
    payment_id text not null references payment,
    about text not null check (about in ('payment', 'refund', 'dispute')),
    ref text not null,                          -- which refund or dispute; empty for the payment itself
    word text not null check (word in ('paid', 'failed', 'asked', 'pending', 'succeeded', 'open', 'won', 'lost')),
    amount_micro bigint not null check (amount_micro >= 0),
    seen_at timestamptz not null default clock_timestamp(),
    primary key (payment_id, about, ref, word)
);

-- Which entries were booked for which fact: the key is the payment's id and what happened to it.
create table payment_entry (
    key text primary key,
    payment_id text not null references payment,
    amount_micro bigint not null check (amount_micro > 0),
    own_micro bigint not null check (own_micro between 0 and amount_micro), -- the rest is, or was, owed
    entry_id bigint not null unique
);
create index payment_entry_payment on payment_entry (payment_id);

-- A refund that the agency asked for; what became of it is in the payment's facts.
create sequence refund_number as bigint;
create table payment_refund (
    id text primary key,
    payment_id text not null references payment,
    amount_micro bigint not null check (amount_micro > 0 and amount_micro % 1000000 = 0),
    reason text not null,
    person text not null,
    at timestamptz not null
);
create index payment_refund_payment on payment_refund (payment_id);

-- Webhooks as they came, verified. Never changed; `payment_job` says what is still to be done.
create table stripe_event (
    id text primary key,
    type text not null,
    body bytea not null,
    received_at timestamptz not null default clock_timestamp()
);
create table stripe_event_end (
    event_id text primary key references stripe_event,
    outcome text not null,
    at timestamptz not null default clock_timestamp()
);

-- What the worker has to do, each row until it is done: deleted in the SQL transaction of its effect.
create table payment_job (
    kind text not null check (kind in ('event', 'look', 'refund', 'charge')),
    ref text not null,
    due_at timestamptz not null default clock_timestamp(),
    tries integer not null default 0,
    trouble text,
    primary key (kind, ref)
);
create index payment_job_due on payment_job (due_at);

-- A line of the bank's statement or a deposit notice, under the bank's own id.
create table bank_line (
    id text primary key,
    amount_micro bigint not null check (amount_micro > 0 and amount_micro % 1000000 = 0),
    paid_on date not null,
    sender text not null,
    memo text not null,
    person text not null,
    at timestamptz not null
);

-- A card that a company let be kept at Stripe, and when it is charged without being asked.
create table card (
    company_id text primary key references company,
    customer_id text not null,
    method_id text not null,
    label text not null,
    automatic boolean not null default false,
    voucher_id text references voucher,
    threshold_micro bigint not null default 0 check (threshold_micro >= 0),
    amount_micro bigint not null default 0 check (amount_micro >= 0 and amount_micro % 1000000 = 0),
    paused text,                                -- why it was turned off, where nobody of the company did
    saved_at timestamptz not null default clock_timestamp(),
    check (not automatic or (voucher_id is not null and amount_micro > 0))
);
create index card_automatic on card (voucher_id) where automatic;

create trigger append_only before update or delete or truncate on payment_fact
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payment_entry
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on payment_refund
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on stripe_event
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on stripe_event_end
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on bank_line
    for each statement execute function refuse_change();
revoke update, delete, truncate on payment_fact, payment_entry, payment_refund, stripe_event, stripe_event_end,
    bank_line from public, current_user;
