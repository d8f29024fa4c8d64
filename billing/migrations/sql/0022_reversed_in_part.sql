-- A part of a payment to a provider that had arrived and came back (docs/concepts/payables.md): it is owed again, by a
-- payable of its own. Amounts are whole won.

alter table payable add column back_won bigint not null default 0 check (back_won >= 0);
alter table payable drop constraint payable_kind_check;
alter table payable add constraint payable_kind_check check (kind in ('month', 'holdback', 'reversal'));
alter table payable drop constraint payable_check;
alter table payable add constraint payable_check
    check (amount_won = lines_won + carried_won - holdback_won + back_won);
alter table payable drop constraint payable_check1;
alter table payable add constraint payable_check1 check ((kind = 'month') = (of_payable is null));
alter table payable add constraint payable_back_of_reversals check ((kind = 'reversal') = (back_won > 0));
-- Of one payable several parts may come back; what was withheld of it is released once.
alter table payable drop constraint payable_of_payable_key;
alter table payable drop constraint payable_provider_id_month_kind_key;
create unique index payable_released_once on payable (of_payable) where kind = 'holdback';
create unique index payable_of_month on payable (provider_id, month) where kind = 'month';
create index payable_of_payable on payable (of_payable);

create or replace function refuse_other_amounts() returns trigger language plpgsql as $$
begin
    if (new.id, new.provider_id, new.month, new.kind, new.of_payable, new.lines_won, new.carried_won, new.carried_from,
        new.holdback_won, new.back_won, new.amount_won, new.uncollected_won, new.rest_micro)
        is distinct from (old.id, old.provider_id, old.month, old.kind, old.of_payable, old.lines_won, old.carried_won,
        old.carried_from, old.holdback_won, old.back_won, old.amount_won, old.uncollected_won, old.rest_micro)
    then
        raise exception 'a payable keeps its amounts' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

-- Each once, by the rail's own name of it. `payable_id`: by which it is owed again.
create table payout_reversal (
    payout_id text not null references payout,
    ref text not null,
    amount_won bigint not null check (amount_won > 0),
    payable_id text not null unique references payable,
    at timestamptz not null,
    primary key (payout_id, ref)
);
create trigger append_only before update or delete or truncate on payout_reversal
    for each statement execute function refuse_change();
revoke update, delete, truncate on payout_reversal from public, current_user;
