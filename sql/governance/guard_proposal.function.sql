create or replace function governance.guard_proposal() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'open' or new.decided_at is not null then
      raise exception 'a proposal begins open' using errcode = 'TR514';
    end if;
    return new;
  end if;
  if to_jsonb(new) - '{state,decided_at}'::text[]
       is distinct from to_jsonb(old) - '{state,decided_at}'::text[] then
    raise exception 'what was proposed stays as it was proposed' using errcode = 'TR514';
  end if;
  if (old.state, new.state) not in (('open', 'approved'), ('open', 'refused'),
                                    ('open', 'expired'), ('approved', 'executed'))
     or not exists (select from public.proposal_events e
                     where e.proposal_id = new.proposal_id and e.event = new.state) then
    raise exception 'a proposal''s state is its last event' using errcode = 'TR514';
  end if;
  return new;
end $$;
comment on function governance.guard_proposal() is
  'Trigger of proposals: they stay as proposed, and only events move their state. TR514: otherwise.';
