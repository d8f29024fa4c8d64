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
