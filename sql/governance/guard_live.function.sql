create or replace function governance.guard_live() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.mode = 'live' and (tg_op = 'INSERT' or old.mode <> 'live') and not exists (
       select from public.proposals p
         join public.proposal_events e on e.proposal_id = p.proposal_id and e.event = 'executed'
        where p.kind = 'go_live' and p.subject = new.account_id and p.org_id = new.org_id
          -- The vote is spent by the transaction that carries it out.
          and e.row_xid = (pg_current_xact_id()::text)::bigint) then
    raise exception '% % trades real money only by a passed proposal', tg_table_name, new.account_id
      using errcode = 'TR512',
            hint = 'make it in mode paper or shadow, then: desk proposal open go_live';
  end if;
  return new;
end $$;
comment on function governance.guard_live() is
  'Refuse that an account or strategy becomes live but by the proposal that is being carried out. TR512.';
