create or replace trigger policy_changes_stays
  before update or delete on risk.policy_changes
  for each row execute function ops.refuse_change();

create or replace trigger policy_changes_stays_whole
  before truncate on risk.policy_changes
  for each statement execute function ops.refuse_change();
