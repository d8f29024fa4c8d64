-- The agency's word about a key, which its company cannot take back (docs/concepts/stopping.md).
alter table api_key add column suspended boolean not null default false;
create function suspension_is_logged() returns trigger language plpgsql as $$
begin
    if not exists (
        select from step where thing = 'api_key' and thing_id = new.company_id || '/' || new.name
            and to_state = case when new.suspended then 'suspended' else 'active' end
            and xact = pg_current_xact_id()
    ) then
        raise exception 'an API key suspended or resumed without a step' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger logged after update of suspended on api_key deferrable initially deferred
    for each row when (new.suspended <> old.suspended) execute function suspension_is_logged();

-- What somebody is to be told (docs/concepts/alerts.md). The key says of what, at which threshold, in which life,
-- so that whoever finds it a second time finds it told.
create table alert (
    id bigint generated always as identity primary key,
    key text not null unique,
    kind text not null,
    company_id text references company,     -- whose it is; with no provider either, the agency's alone
    provider_id text references provider,
    for_agency boolean not null,            -- false: a copy of what the agency is told once
    about text not null,                    -- the id of the thing
    detail jsonb not null default '{}',
    at timestamptz not null
);
create index alert_company on alert (company_id, id);
create index alert_provider on alert (provider_id, id);
create trigger append_only before update or delete or truncate on alert
    for each statement execute function refuse_change();
revoke update, delete, truncate on alert from public, current_user;
-- Alerts that no delivery was made of yet: written with them, emptied by whoever makes the deliveries.
create table alert_waiting (alert_id bigint primary key references alert);
create function alert_waits() returns trigger language plpgsql as $$
begin
    insert into alert_waiting select id from added where kind <> 'test';
    return null;
end $$;
create trigger waits after insert on alert
    referencing new table as added for each statement execute function alert_waits();
create index notice_at on notice (at);
create index step_suspended on step (at) where action = 'suspend';

-- What a person wants by mail. Without a row, and with `kinds` null: what is usual for the role.
create table mail_choice (
    email text primary key references person (email),
    kinds text[],
    language text not null default 'ko' check (language in ('ko', 'en'))
);

-- A place of a company, a provider or the agency to which alerts are posted. The secret is sealed; the one before
-- it signs too until `former_until`.
create sequence webhook_number as bigint;
create table webhook (
    id text primary key,
    company_id text references company,
    provider_id text references provider,
    url text not null,
    kinds text[],                           -- null: all
    state text not null check (state in ('active', 'paused', 'ended')),
    sealed bytea,
    sealed_former bytea,
    former_until timestamptz,
    created_at timestamptz not null,
    check (company_id is null or provider_id is null),
    check ((state = 'ended') = (sealed is null)),
    check ((sealed_former is null) = (former_until is null))
);
create index webhook_company on webhook (company_id);
create index webhook_provider on webhook (provider_id);
create constraint trigger logged after insert or update of state on webhook deferrable initially deferred
    for each row execute function state_is_logged('webhook', 'id');
create trigger stays before delete or truncate on webhook for each statement execute function refuse_removal();

-- One alert to one place, until it is there or given up. `id` is what the receiver knows a repeat by. `due_at` of one
-- that is being sent is when another worker may try: whoever sent it may have died.
create sequence delivery_number as bigint;
create table delivery (
    id text primary key,
    alert_id bigint not null references alert,
    channel text not null check (channel in ('mail', 'webhook')),
    email text references person (email),
    webhook_id text references webhook,
    company_id text,                        -- whose the place is
    provider_id text,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null,
    last_error text,
    sent_at timestamptz,
    made_at timestamptz not null,
    check ((channel = 'mail') = (email is not null)),
    check ((channel = 'webhook') = (webhook_id is not null)),
    unique (alert_id, email),
    unique (alert_id, webhook_id)
);
create index delivery_due on delivery (due_at) where state = 'waiting';
create index delivery_company on delivery (company_id, id);
create index delivery_provider on delivery (provider_id, id);
create constraint trigger logged after update of state on delivery deferrable initially deferred
    for each row when (new.state <> old.state) execute function state_is_logged('delivery', 'id');
create trigger stays before delete or truncate on delivery for each statement execute function refuse_removal();
