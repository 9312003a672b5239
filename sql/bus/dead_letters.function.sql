create or replace function bus.dead_letters(p_limit int) returns table (
  dead_letter_id uuid, agent text, type text, code text, error text, attempts smallint,
  correlation_id uuid, org_id text, ordering_key text, died_at timestamptz,
  replayed_at timestamptz, replayed_by text, payload jsonb)
language sql stable security definer set search_path = '' as $$
  select d.dead_letter_id, d.agent, coalesce(e.type, d.row_kind), d.code, d.error,
         d.attempts::smallint, d.correlation_id, d.org_id, d.ordering_key, d.died_at,
         d.replayed_at, d.replayed_by, e.payload
    from bus.dead_letters d
    left join bus.events e on e.published_at = d.event_published_at and e.seq = d.event_seq
   where ops.acts_for(d.org_id)
   order by d.died_at desc
   limit p_limit
$$;
comment on function bus.dead_letters(int) is 'The newest dead letters with what they carried.';
grant execute on function bus.dead_letters(int) to desk_operator, desk_reader;
