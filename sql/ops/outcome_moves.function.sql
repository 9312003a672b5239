-- A resting outcome (a person moves it on) may become anything. A trade at the venue is a fact:
-- whatever was said before it was known of, a refusal that was none or an end without an answer,
-- gives way to it, and a part of it to the whole. Nothing else changes a final outcome: whoever
-- comes later is ignored, so that retries and late messages are harmless.
create or replace function ops.outcome_moves(p_from text, p_to text) returns boolean
language sql immutable set search_path = '' as $$
  select p_from in ('in_review', 'awaiting_vote')
      or p_to in ('filled', 'partially_filled')
         and p_from not in ('filled', 'partially_filled')
      or p_to = 'filled' and p_from = 'partially_filled'
$$;
comment on function ops.outcome_moves(text, text) is
  'Whether where an alert ended, or rests, gives way to another outcome. Called by other procedures only.';
