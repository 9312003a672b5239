-- An account and what trades in it change over together, and only while nothing is in flight:
-- paper positions are not real ones.
create or replace function governance.go_live(p_proposal public.proposals) returns boolean
language plpgsql as $$
begin
  if not governance.record_event(p_proposal.proposal_id, 'executed', '{}') then
    return false;
  end if;
  -- Nothing is authorised for the account between the look and the change.
  perform pg_advisory_xact_lock(
    hashtextextended('risk.budget/account/' || p_proposal.subject, 0));
  perform from public.accounts a where a.account_id = p_proposal.subject for update;
  if exists (select from risk.reservations r
              where r.account_id = p_proposal.subject and r.released_at is null)
     or exists (select from public.positions p
                 where p.account_id = p_proposal.subject and p.quantity <> 0) then
    raise exception 'the account holds positions or orders' using errcode = 'TR517';
  end if;
  if exists (select from jsonb_each(governance.check_automatically(p_proposal)) c
              where c.value <> 'true') then
    raise exception 'what was voted on is no longer as it was' using errcode = 'TR512';
  end if;
  -- Out of the shadow into the venue that it mirrored; how to connect to it is for people to say.
  update public.accounts a
     set mode = 'live',
         connection = case when v.mirrors is null then a.connection else '{}' end,
         venue_id = coalesce(v.mirrors, a.venue_id)
    from public.venues v
   where a.account_id = p_proposal.subject and v.venue_id = a.venue_id;
  update public.strategies s set mode = 'live', shadow_of = null
   where s.account_id = p_proposal.subject and s.state <> 'closed';
  return true;
end $$;
comment on function governance.go_live(public.proposals) is
  'Let an account and its strategies trade real money, once, as a passed proposal says. TR517: it is not flat. TR512: a check no longer holds. Called by other procedures only.';
