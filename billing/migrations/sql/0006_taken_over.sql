-- Calls that are made again under their key, after the gateway that ran them first was lost. What that one had
-- given may stand in the books until the second try's end replaces it.
alter table idem add column taken_over boolean not null default false;
create index idem_taken_over on idem (company_id) where taken_over;
