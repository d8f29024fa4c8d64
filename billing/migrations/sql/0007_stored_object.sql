-- Files and batches that vendors store, as their company was told of them last: what its lists show. Each is bound in
-- `stored`. Nothing here is of a prompt or an answer; `bounds` are numbers.
create table stored_object (
    kind text not null,             -- file, batch
    base_url text not null,
    vendor_id text not null,
    company_id text not null,
    number bigint generated always as identity,  -- the order of lists
    shown text not null,            -- the vendor's object, as JSON
    purpose text not null,          -- of a file
    size_bytes bigint not null,
    expires_at timestamptz,
    bounds text,                    -- of a batch's input: what it may cost at most, as JSON
    input_file text,                -- of a batch
    primary key (kind, base_url, vendor_id),
    foreign key (kind, base_url, vendor_id) references stored
);
create index stored_object_of_company on stored_object (company_id, kind, number);
create index stored_object_by_input on stored_object (input_file) where input_file is not null;
