-- Append-only, with the triggers of the tables' own folders: what is recorded stays.

create or replace trigger signals_normalized_stays
  before update or delete on public.signals_normalized
  for each row execute function ops.refuse_change();

create or replace trigger signals_normalized_stays_whole
  before truncate on public.signals_normalized
  for each statement execute function ops.refuse_change();

create or replace trigger limits_stays
  before update or delete on risk.limits
  for each row execute function ops.refuse_change();

create or replace trigger limits_stays_whole
  before truncate on risk.limits
  for each statement execute function ops.refuse_change();

create or replace trigger changes_stays
  before update or delete on audit.changes
  for each row execute function ops.refuse_change();

create or replace trigger changes_stays_whole
  before truncate on audit.changes
  for each statement execute function ops.refuse_change();

create or replace trigger retired_partitions_stays
  before update or delete on audit.retired_partitions
  for each row execute function ops.refuse_change();

create or replace trigger retired_partitions_stays_whole
  before truncate on audit.retired_partitions
  for each statement execute function ops.refuse_change();

create or replace trigger forms_stays
  before update or delete on audit.forms
  for each row execute function ops.refuse_change();

create or replace trigger forms_stays_whole
  before truncate on audit.forms
  for each statement execute function ops.refuse_change();

create or replace trigger seal_keys_stays
  before update or delete on audit.seal_keys
  for each row execute function ops.refuse_change();

create or replace trigger seal_keys_stays_whole
  before truncate on audit.seal_keys
  for each statement execute function ops.refuse_change();

create or replace trigger seals_stays
  before update or delete on audit.seals
  for each row execute function ops.refuse_change();

create or replace trigger seals_stays_whole
  before truncate on audit.seals
  for each statement execute function ops.refuse_change();

create or replace trigger segments_stays
  before update or delete on audit.segments
  for each row execute function ops.refuse_change();

create or replace trigger segments_stays_whole
  before truncate on audit.segments
  for each statement execute function ops.refuse_change();

-- These move on, and keep what they said.
create or replace trigger policies_keeps
  before update or delete on risk.policies
  for each row execute function audit.refuse_rewrite('active', 'applied_at', 'applied_by');

create or replace trigger review_queue_keeps
  before update or delete on public.review_queue
  for each row execute function audit.refuse_rewrite(
    'state', 'decided_by', 'decision_reason', 'decided_at');
