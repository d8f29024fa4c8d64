-- A voucher that was declared has no agreement, and is settled all the same (docs/concepts/settlement.md). Each voucher
-- has one settlement at most, as before: settlement.voucher_id is unique and never null. So has each agreement.

alter table settlement alter column agreement_id drop not null;
alter table finding alter column agreement_id drop not null;
create index finding_voucher on finding (voucher_id);
