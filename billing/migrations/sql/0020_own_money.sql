-- What a rail keeps for its work is an entry of its own, and a kept card can be taken away (docs/concepts/deposits.md).

-- One more word where there are words already, whatever others there are by then.
create function one_more_word(of_table regclass, of_check text, after_word text, word text) returns void
    language plpgsql as $$
declare
    said text := (select pg_get_constraintdef(oid) from pg_constraint where conrelid = of_table and conname = of_check);
    beside text := quote_literal(after_word) || '::text';
begin
    if said is null or position(beside in said) = 0 then
        raise exception 'no % in % of %', beside, of_check, of_table;
    end if;
    execute format('alter table %s drop constraint %I', of_table, of_check);
    execute format('alter table %s add constraint %I %s', of_table, of_check,
                   replace(said, beside, beside || ', ' || quote_literal(word) || '::text'));
end $$;
select one_more_word('entry', 'entry_kind_check', 'dispute', 'fee');
select one_more_word('entry', 'entry_has_its_place', 'dispute', 'fee');
select one_more_word('payment_fact', 'payment_fact_about_check', 'dispute', 'fee');
select one_more_word('payment_fact', 'payment_fact_word_check', 'lost', 'kept');
select one_more_word('payment_fact', 'payment_fact_word_check', 'kept', 'returned');
select one_more_word('payment_job', 'payment_job_kind_check', 'charge', 'forget');
drop function one_more_word;

-- A card that its company took away: no later word on an old payment brings it back. The worker tells Stripe.
create table card_removal (
    method_id text primary key,
    company_id text not null references company,
    customer_id text not null,
    label text not null,
    person text not null,
    at timestamptz not null
);
create trigger append_only before update or delete or truncate on card_removal
    for each statement execute function refuse_change();
revoke update, delete, truncate on card_removal from public, current_user;

-- Own money that calls may spend, up to a limit: a company opted in. The voucher is the fund (billing/payments/own_fund.py).
create table own_fund (
    company_id text primary key references company,
    voucher_id text not null unique references voucher,
    state text not null check (state in ('open', 'closed')),
    limit_micro bigint not null check (limit_micro > 0)
);
create constraint trigger logged after insert or update of state on own_fund deferrable initially deferred
    for each row execute function state_is_logged('own_fund', 'company_id');
create trigger stays before delete or truncate on own_fund for each statement execute function refuse_removal();
