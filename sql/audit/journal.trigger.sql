-- What may change leaves its before and after in audit.changes, a record that may not.
create or replace trigger journal
  after insert or update or delete on risk.policies
  for each row execute function audit.record_change('policy_hash');

create or replace trigger journal
  after insert or update or delete on governance.halts
  for each row execute function audit.record_change('halt_id');

create or replace trigger journal
  after insert or update or delete on governance.voters
  for each row execute function audit.record_change('voter');

create or replace trigger journal
  after insert or update or delete on public.review_queue
  for each row execute function audit.record_change('review_id');

create or replace trigger journal
  after insert or update or delete on treasury.instructions
  for each row execute function audit.record_change('proposal_id');

create or replace trigger journal
  after insert or update or delete on public.proposals
  for each row execute function audit.record_change('proposal_id');

create or replace trigger journal
  after insert or update or delete on public.accounts
  for each row execute function audit.record_change('account_id');

create or replace trigger journal
  after insert or update or delete on public.strategies
  for each row execute function audit.record_change('strategy_id');

create or replace trigger journal
  after insert or update or delete on public.venues
  for each row execute function audit.record_change('venue_id');

create or replace trigger journal
  after insert or update or delete on public.instruments
  for each row execute function audit.record_change('symbol');

create or replace trigger journal
  after insert or update or delete on public.instrument_aliases
  for each row execute function audit.record_change('alias');

create or replace trigger journal
  after insert or update or delete on intake.sources
  for each row execute function audit.record_change('source_id', 'secret_sha256');

create or replace trigger journal
  after insert or update or delete on intake.source_tokens
  for each row execute function audit.record_change('token_id', 'token_sha256');

create or replace trigger journal
  after insert or update or delete on ops.api_tokens
  for each row execute function audit.record_change('token_id', 'token_sha256');

create or replace trigger journal
  after insert or update or delete on ops.feature_flags
  for each row execute function audit.record_change('flag', 'updated_at', 'announced');

create or replace trigger journal
  after insert or update or delete on ops.desired_agents
  for each row execute function audit.record_change('agent', 'updated_at', 'observed');

create or replace trigger journal
  after insert or update or delete on ops.retention
  for each row execute function audit.record_change('subject');

create or replace trigger journal
  after insert or update or delete on bus.agent_keys
  for each row execute function audit.record_change('key_id');

create or replace trigger journal
  after insert or update or delete on governance.quorum_rules
  for each row execute function audit.record_change('kind');

create or replace trigger journal
  after insert or update or delete on governance.halt_causes
  for each row execute function audit.record_change('cause');

create or replace trigger journal
  after insert or update or delete on risk.cooldowns
  for each row execute function audit.record_change('cooldown_id');

create or replace trigger journal
  after insert or update or delete on risk.news_events
  for each row execute function audit.record_change('event_id');

-- What was found to differ, and what was made of it; that books and venue agree is no change.
create or replace trigger journal
  after update on execution.reconciliations
  for each row when (new.state in ('repaired', 'unexplained'))
  execute function audit.record_change('reconciliation_id');
