-- What leads to vouchers (docs/concepts/lifecycle.md). Amounts are bigint micro-won, points integers of a thousandth.

-- Every step of every thing: who, when, what, from which state to which, why, by which request. Append-only.
create table step (
    id bigint generated always as identity primary key,
    thing text not null,
    thing_id text not null,
    action text not null,
    from_state text,
    to_state text not null,
    person text not null,
    role text not null,
    reason text,
    detail jsonb not null default '{}',
    request_id text not null,
    at timestamptz not null,
    xact xid8 not null default pg_current_xact_id()
);
create index step_of_thing on step (thing, thing_id, id);
create trigger append_only before update or delete or truncate on step
    for each statement execute function refuse_change();
revoke update, delete, truncate on step from public, current_user;

-- A thing's state is what its last step says: a state that nobody logged does not commit.
create function state_is_logged() returns trigger language plpgsql as $$
begin
    if not exists (
        select from step where thing = tg_argv[0] and thing_id = to_jsonb(new) ->> tg_argv[1]
            and to_state = new.state and xact = pg_current_xact_id()
    ) then
        raise exception 'a state of % without a step', tg_table_name using errcode = 'check_violation';
    end if;
    return null;
end $$;

-- Beside the directory's row. What a declaration makes is open at once; a draft is made by the office only.
create table programme_life (
    programme_id text primary key references programme,
    state text not null default 'open' check (state in ('draft', 'open', 'closed')),
    deposit_rule text not null default 'rolling' check (deposit_rule in ('full', 'rolling')),
    company_year_cap_micro bigint check (company_year_cap_micro >= 0)
);
insert into programme_life (programme_id) select id from programme;
create function programme_lives() returns trigger language plpgsql as $$
begin
    insert into programme_life (programme_id) values (new.id) on conflict do nothing;
    return null;
end $$;
create trigger lives after insert on programme for each row execute function programme_lives();
create constraint trigger logged after update of state on programme_life deferrable initially deferred
    for each row when (new.state <> old.state) execute function state_is_logged('programme', 'programme_id');

-- A share from a day on; the directory's programme_share is what holds before the first of them.
create table share_change (
    programme_id text not null references programme,
    class_name text not null,
    from_day date not null,
    share_ppm integer not null check (share_ppm between 0 and 1000000),
    primary key (programme_id, class_name, from_day)
);
create trigger append_only before update or delete or truncate on share_change
    for each statement execute function refuse_change();

create table round (
    id text primary key,
    programme_id text not null references programme,
    name text not null,
    budget_kind text not null check (budget_kind in ('regular', 'supplementary')),
    state text not null check (state in ('draft', 'announced', 'selected', 'cancelled')),
    budget_micro bigint not null check (budget_micro >= 0),
    cap_micro bigint not null check (cap_micro >= 0),
    opens_at timestamptz not null,
    closes_at timestamptz not null check (opens_at < closes_at),
    quota integer check (quota >= 0),
    classes text[],
    tracks jsonb not null,      -- [{"id", "name", "quota"}]
    criteria jsonb not null,    -- [{"id", "name", "max_milli"}]
    bonuses jsonb not null,     -- [{"id", "name", "milli"}]
    bonus_milli_max integer check (bonus_milli_max >= 0),
    evaluators_min integer not null check (evaluators_min >= 1),
    mean text not null check (mean in ('plain', 'trimmed')),
    pass_mark_milli integer not null check (pass_mark_milli >= 0),
    ties text[] not null,
    beyond_budget text not null check (beyond_budget in ('stop', 'skip')),
    result jsonb,               -- of the selection
    created_at timestamptz not null
);
create index round_programme on round (programme_id);

create sequence application_number as bigint;
create table application (
    id text primary key,
    round_id text not null references round,
    company_id text not null references company,
    state text not null check (state in ('draft', 'submitted', 'screened', 'scored', 'selected', 'rejected',
                                         'withdrawn')),
    title text not null,
    plan text not null,
    track text,
    class_name text not null,
    government_micro bigint not null check (government_micro >= 0),
    self_cash_micro bigint not null check (self_cash_micro >= 0),
    self_in_kind_micro bigint not null check (self_in_kind_micro >= 0),
    products text[],
    bonuses text[] not null,            -- claimed
    granted_bonuses text[],             -- as screened
    submitted_at timestamptz,
    outcome jsonb,                      -- score, rank, why
    award_micro bigint check (award_micro >= 0),
    voucher_id text references voucher, -- once issued: until then the award is reserved of the budget
    created_at timestamptz not null,
    unique (round_id, company_id),
    check (state <> 'selected' or award_micro is not null)
);
create index application_company on application (company_id);
create index application_reserved on application (round_id) where state = 'selected' and voucher_id is null;

-- What a company handed in, by name and hash; the files are not kept here.
create table document (
    id bigint generated always as identity primary key,
    application_id text not null references application,
    name text not null,
    media_type text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    person text not null,
    at timestamptz not null
);
create index document_application on document (application_id);

-- A score sheet. Who scores again writes another; the last of each evaluator counts.
create table evaluation (
    id bigint generated always as identity primary key,
    application_id text not null references application,
    evaluator text not null,
    milli jsonb not null,
    comment text not null,
    at timestamptz not null
);
create index evaluation_application on evaluation (application_id, evaluator, id);
create trigger append_only before update or delete or truncate on evaluation
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on document
    for each statement execute function refuse_change();

create sequence agreement_number as bigint;
create table agreement (
    id text primary key,
    application_id text not null references application,
    programme_id text not null references programme,
    company_id text not null references company,
    state text not null check (state in ('offered', 'signed', 'declined', 'revoked', 'terminated', 'completed')),
    class_name text not null,
    share_ppm integer not null check (share_ppm between 0 and 1000000),
    terms_version integer not null default 1,
    voucher_id text references voucher,
    created_at timestamptz not null,
    signed_at timestamptz
);
create index agreement_company on agreement (company_id);
create unique index agreement_of_application on agreement (application_id)
    where state in ('offered', 'signed', 'completed');

-- The terms as agreed, version by version. Never edited.
create table agreement_terms (
    agreement_id text not null references agreement,
    version integer not null check (version >= 1),
    starts_on date not null,
    ends_on date not null check (starts_on <= ends_on),
    government_micro bigint not null check (government_micro >= 0),
    self_cash_micro bigint not null check (self_cash_micro >= 0),
    self_in_kind_micro bigint not null check (self_in_kind_micro >= 0),
    products text[],
    primary key (agreement_id, version)
);
create trigger append_only before update or delete or truncate on agreement_terms
    for each statement execute function refuse_change();

create sequence amendment_number as bigint;
create table amendment (
    id text primary key,
    agreement_id text not null references agreement,
    state text not null check (state in ('requested', 'approved', 'refused', 'withdrawn')),
    changes jsonb not null,
    reason text not null,
    created_at timestamptz not null
);
create index amendment_agreement on amendment (agreement_id);

-- How a voucher came to its end before its last day, or was taken back after it. The last word counts.
create table voucher_ending (
    voucher_id text not null references voucher,
    kind text not null check (kind in ('ended', 'clawed_back')),
    claimed_micro bigint not null default 0 check (claimed_micro >= 0),
    at timestamptz not null,
    primary key (voucher_id, kind)
);
create trigger append_only before update or delete or truncate on voucher_ending
    for each statement execute function refuse_change();

alter table voucher drop constraint voucher_state_check;
alter table voucher add constraint voucher_state_check check (state in ('active', 'suspended', 'ended'));

create constraint trigger logged after insert or update of state on round deferrable initially deferred
    for each row execute function state_is_logged('round', 'id');
create constraint trigger logged after insert or update of state on application deferrable initially deferred
    for each row execute function state_is_logged('application', 'id');
create constraint trigger logged after insert or update of state on agreement deferrable initially deferred
    for each row execute function state_is_logged('agreement', 'id');
create constraint trigger logged after insert or update of state on amendment deferrable initially deferred
    for each row execute function state_is_logged('amendment', 'id');

revoke update, delete, truncate on share_change, document, evaluation, agreement_terms, voucher_ending
    from public, current_user;

create trigger stays before delete or truncate on round for each statement execute function refuse_removal();
create trigger stays before delete or truncate on application for each statement execute function refuse_removal();
create trigger stays before delete or truncate on agreement for each statement execute function refuse_removal();
create trigger stays before delete or truncate on amendment for each statement execute function refuse_removal();

-- The answer to a request of the office under its Idempotency-Key; made in the SQL transaction of the work itself.
create table office_answer (
    person text not null,
    key_hash bytea not null,
    route text not null,
    body_hash bytea not null,
    status smallint,
    sealed bytea,
    expires_at timestamptz not null,
    primary key (person, route, key_hash)
);
create index office_answer_expires on office_answer (expires_at);
