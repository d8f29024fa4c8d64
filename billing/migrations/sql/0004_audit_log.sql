-- The log of the books (docs/concepts/tamper-evidence.md): what one SQL commit writes is a batch with a Merkle
-- root; the worker numbers the batches, chains them and keeps a tree over them.

insert into house values ('log_origin', 'voucher-gateway/' || gen_random_uuid());

-- `xact`: a batch is closed with the SQL transaction that wrote it.
create sequence batch_id_seq as bigint;
create table batch (
    id bigint primary key,
    root bytea not null check (length(root) = 32),
    usage_rows bigint not null default 0,
    entry_rows bigint not null default 0,
    posting_rows bigint not null default 0,
    parked_rows bigint not null default 0,
    change_rows bigint not null default 0,
    at_ms bigint not null default (extract(epoch from now()) * 1000)::bigint,
    xact xid8 not null default pg_current_xact_id()
);

-- A row's batch; 0 is the founding batch, which has what was booked before there was a log. New rows are in the
-- order of their batches, so an index of ranges finds them and costs next to nothing.
alter table usage add column batch_id bigint not null default 0;
alter table entry add column batch_id bigint not null default 0;
alter table parked add column batch_id bigint not null default 0;
create index usage_batch on usage using brin (batch_id) with (pages_per_range = 32, autosummarize = on);
create index entry_batch on entry using brin (batch_id) with (pages_per_range = 32, autosummarize = on);
create index parked_batch on parked (batch_id);

-- Batches that have no number yet. Written with them, emptied by whoever numbers them.
create table batch_waiting (batch_id bigint primary key);

create table log (
    number bigint primary key check (number >= 0),
    batch_id bigint not null unique references batch,
    previous bytea not null check (length(previous) = 32)
);

-- Finished subtrees over the log's leaves: 1 << level of them from place << level on. Level 0 are the leaves.
create table log_node (
    level smallint not null check (level >= 0),
    place bigint not null check (place >= 0),
    hash bytea not null check (length(hash) = 32),
    primary key (level, place)
);

create table tree_head (
    size bigint primary key check (size > 0),
    root bytea not null check (length(root) = 32),
    at_ms bigint not null,
    note text not null
);

-- The directory's past: each row as it was made or changed, as the very text that is hashed.
create sequence change_id_seq as bigint;
create table change (
    id bigint primary key,
    batch_id bigint not null,
    kind text not null,
    row_text text not null
);
create index change_batch on change (batch_id);
create index change_signer on change (id) where kind = 'signer';

-- One change, a batch of its own. Its leaf is its line in the bundle: JSON has no character that COPY escapes
-- but the backslash.
create function record_change(change_kind text, changed jsonb) returns void language plpgsql as $$
declare
    change_id bigint := nextval('change_id_seq');
    new_batch bigint := nextval('batch_id_seq');
    leaf text := concat_ws(E'\t', 'change', change_id, change_kind, replace(changed::text, '\', '\\'));
begin
    insert into batch (id, root, change_rows)
        values (new_batch, sha256('\x00'::bytea || convert_to(leaf, 'UTF8')), 1);
    insert into change values (change_id, new_batch, change_kind, changed::text);
end $$;

create function batch_waits() returns trigger language plpgsql as $$
begin
    insert into batch_waiting select id from added where id > 0;
    return null;
end $$;
create trigger waits after insert on batch
    referencing new table as added for each statement execute function batch_waits();

-- No row of the books outside the log. A version that knows no batches is told to wait, not that its row is bad:
-- it would set the row aside.
create function rows_have_a_batch() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct batch_id from added) rows
        where not exists (select from batch b where b.id = rows.batch_id and b.xact = pg_current_xact_id())
    ) then
        raise exception 'a row of % names no batch of its own SQL transaction', tg_table_name
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return null;
end $$;
create trigger in_a_batch after insert on usage
    referencing new table as added for each statement execute function rows_have_a_batch();
create trigger in_a_batch after insert on entry
    referencing new table as added for each statement execute function rows_have_a_batch();
create trigger in_a_batch after insert on parked
    referencing new table as added for each statement execute function rows_have_a_batch();

create function changed_row(changed jsonb) returns jsonb immutable language sql as $$
    select changed - 'revision'
$$;

-- What of a voucher's funds is declared; the rest follows from entries and usage.
create function declared_funds(f funds) returns jsonb immutable language sql as $$
    select jsonb_build_object(
        'voucher_id', f.voucher_id, 'company_id', f.company_id, 'programme_id', f.programme_id, 'lane', f.lane,
        'share_ppm', f.share_ppm, 'government_micro', f.government_micro, 'self_micro', f.self_micro,
        'ends_ms', f.ends_ms, 'state', f.state)
$$;

-- Touching a row so that readers see a new revision changes nothing.
create function log_directory() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        perform record_change(tg_table_name || ' removed', changed_row(to_jsonb(old)));
    elsif tg_op = 'INSERT' or changed_row(to_jsonb(new)) <> changed_row(to_jsonb(old)) then
        perform record_change(tg_table_name, changed_row(to_jsonb(new)));
    end if;
    return null;
end $$;
create trigger logged after insert or update on programme for each row execute function log_directory();
create trigger logged after insert or update or delete on programme_share
    for each row execute function log_directory();
create trigger logged after insert or update on provider for each row execute function log_directory();
create trigger logged after insert or update on product for each row execute function log_directory();
create trigger logged after insert on price for each row execute function log_directory();
create trigger logged after insert or update on company for each row execute function log_directory();
create trigger logged after insert or update on voucher for each row execute function log_directory();

create function log_funds() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or declared_funds(new) <> declared_funds(old) then
        perform record_change('funds', declared_funds(new));
    end if;
    return null;
end $$;
create trigger logged after insert on funds for each row execute function log_funds();
create trigger logged_change after
    update of company_id, programme_id, lane, share_ppm, government_micro, self_micro, ends_ms, state
    on funds for each row execute function log_funds();

-- The directory as it is now belongs to the founding batch.
insert into change (id, batch_id, kind, row_text)
select nextval('change_id_seq'), 0, kind, changed::text from (
    select 1 as place, id as key, 'programme' as kind, changed_row(to_jsonb(t)) as changed from programme t
    union all
    select 2, programme_id || ' ' || class_name, 'programme_share', changed_row(to_jsonb(t)) from programme_share t
    union all select 3, id, 'provider', changed_row(to_jsonb(t)) from provider t
    union all select 4, id, 'product', changed_row(to_jsonb(t)) from product t
    union all select 5, product_id || ' ' || valid_from, 'price', changed_row(to_jsonb(t)) from price t
    union all select 6, id, 'company', changed_row(to_jsonb(t)) from company t
    union all select 7, id, 'voucher', changed_row(to_jsonb(t)) from voucher t
    union all select 8, voucher_id, 'funds', declared_funds(t) from funds t
    order by place, key
) as now;

create trigger append_only before update or delete or truncate on batch
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on log
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on log_node
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on tree_head
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on change
    for each statement execute function refuse_change();
revoke update, delete, truncate on batch, log, log_node, tree_head, change from public, current_user;
