-- The end of an agreement (docs/concepts/settlement.md). Amounts are bigint micro-won.

-- Kinds of entries are added to those that are there.
do $$
declare
    was text := (select pg_get_constraintdef(oid) from pg_constraint
                 where conname = 'entry_kind_check' and conrelid = 'entry'::regclass);
begin
    alter table entry drop constraint entry_kind_check;
    execute 'alter table entry add constraint entry_kind_check '
        || regexp_replace(was, '^CHECK \(', 'CHECK (kind in (''settlement'', ''interest'', ''claw_back'', ''offset'') or ');
end $$;

-- What the law and the programme ask at the end, each rule from a day on, with the text it comes from. `programme_id`
-- null: of every programme that has none of its own. `subject`: a product's id, where the rule is of one.
create table settlement_rule (
    id bigint generated always as identity primary key,
    programme_id text references programme,
    name text not null check (name in ('verification_from_micro', 'audit_from_micro', 'retention_years',
        'objection_days', 'surcharge_times_max', 'cost_item', 'cost_detail', 'payment_method', 'purpose')),
    subject text not null default '',
    from_day date not null,
    number bigint check (number >= 0),
    text text,
    source text not null check (source <> ''),
    person text not null,
    at timestamptz not null default clock_timestamp(),
    check ((number is null) <> (text is null))
);
create index settlement_rule_name on settlement_rule (name, programme_id, from_day);
create trigger append_only before update or delete or truncate on settlement_rule
    for each statement execute function refuse_change();
insert into settlement_rule (name, from_day, number, source, person) values
    ('verification_from_micro', '2016-01-01', 100000000000000,
     '보조금 정산보고서 법정서식 첨부서류: 정산보고서 검증보고서(교부액 1억원 이상)', 'system'),
    ('audit_from_micro', '2016-01-01', 1000000000000000,
     '보조금 관리에 관한 법률: 보조금 10억원 이상 감사인 감사 (taxtimes.co.kr no=207567)', 'system'),
    ('retention_years', '2016-01-01', 5, '법인세법 제116조: 증명서류 5년 보관', 'system'),
    ('surcharge_times_max', '2016-01-01', 5,
     '보조금 관리에 관한 법률: 부정수급 제재부가금 5배 이내 (taxtimes.co.kr no=207567)', 'system');

create sequence settlement_number as bigint;
create table settlement (
    id text primary key,
    agreement_id text not null unique references agreement,
    voucher_id text not null unique references voucher,
    programme_id text not null references programme,
    company_id text not null references company,
    state text not null check (state in ('opened', 'returned', 'reported', 'verified', 'settled', 'closed', 'erased')),
    ended_on date not null,
    verification text check (verification in ('external', 'audit')),
    verification_ref text,
    verified_by text,
    created_at timestamptz not null
);
create index settlement_programme on settlement (programme_id);
create index settlement_company on settlement (company_id);
create constraint trigger logged after insert or update of state on settlement deferrable initially deferred
    for each row execute function state_is_logged('settlement', 'id');
create trigger stays before delete or truncate on settlement for each statement execute function refuse_removal();

-- The interest that the money of an agreement earned, as a document says. The last word before the return counts.
create table settlement_interest (
    settlement_id text not null references settlement,
    number integer not null check (number >= 1),
    amount_micro bigint not null check (amount_micro >= 0),
    document text not null check (document <> ''),
    person text not null,
    at timestamptz not null,
    primary key (settlement_id, number)
);

-- What went back, each time; the first time with the interest.
create table settlement_return (
    settlement_id text not null references settlement,
    number integer not null check (number >= 1),
    government_micro bigint not null check (government_micro >= 0),
    self_micro bigint not null check (self_micro >= 0),
    interest_micro bigint not null check (interest_micro >= 0),
    at timestamptz not null,
    primary key (settlement_id, number)
);

create sequence finding_number as bigint;
create table finding (
    id text primary key,
    agreement_id text not null references agreement,
    voucher_id text not null references voucher,
    programme_id text not null references programme,
    company_id text not null references company,
    state text not null check (state in ('found', 'objected', 'confirmed', 'repaid', 'dismissed')),
    person text not null,
    reason text not null,
    objection_until date,               -- null: no rule gives a time
    created_at timestamptz not null
);
create index finding_agreement on finding (agreement_id);
create index finding_company on finding (company_id);
create constraint trigger logged after insert or update of state on finding deferrable initially deferred
    for each row execute function state_is_logged('finding', 'id');
create trigger stays before delete or truncate on finding for each statement execute function refuse_removal();

-- What is disallowed: one call, one product's month, or an amount of the voucher.
create table finding_line (
    finding_id text not null references finding,
    number integer not null check (number >= 1),
    kind text not null check (kind in ('call', 'month', 'amount')),
    call text,
    product_id text,
    month text check (month ~ '^20[0-9][0-9]-(0[1-9]|1[0-2])$'),
    government_micro bigint not null check (government_micro >= 0),
    self_micro bigint not null check (self_micro >= 0),
    check ((kind = 'call') = (call is not null)),
    check ((kind = 'month') = (product_id is not null and month is not null)),
    primary key (finding_id, number)
);
create index finding_line_call on finding_line (call);
create trigger append_only before update or delete or truncate on settlement_interest
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on settlement_return
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on finding_line
    for each statement execute function refuse_change();
revoke update, delete, truncate on settlement_rule, settlement_interest, settlement_return, finding_line
    from public, current_user;
