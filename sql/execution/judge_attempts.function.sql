-- Every reason not to send, first match wins; whoever calls holds the halts, the account and
-- the order, so what is read here stays true until the commit.
create or replace function execution.judge_attempts(p_asked jsonb, p_now timestamptz)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    with item as materialized (
      select x.*, row_number() over (partition by x.order_id order by x.i) as nr
        from jsonb_to_recordset(p_asked) as x(
          i int, worker_id uuid, attempt_id uuid, inquiry_id uuid, order_id uuid)
    ), judged as materialized (
      select i.i, i.worker_id, i.order_id, o.account_id, h.epoch, o.status,
             coalesce(last.attempt_id, i.attempt_id) as attempt_id,
             case
               when o.order_id is null then 'TR410'
               when last.state in ('open', 'unknown') then 'resolve'
               when last.state = 'answered' and i.inquiry_id is not null
                    and o.status in ('accepted', 'partially_filled', 'pending_cancel') then 'sync'
               when last.attempt_id is not null then 'answered'
               when o.status <> 'initialized' or i.inquiry_id is not null then 'TR402'
               when i.nr > 1 then 'TR404'
               when o.expires_at <= p_now then 'TR411'
               when not o.reduce_only and governance.standing_halt(
                      o.org_id, o.venue_id, o.account_id, o.strategy_id, o.symbol) is not null
                 then 'TR403'
               when c.state is distinct from 'active' then 'TR305'
               when o.mode is distinct from c.mode or c.mode = 'shadow' then 'TR323'
               when o.venue_id is distinct from c.venue_id then 'TR409'
               when v.state is distinct from 'active' then 'TR331'
               else 'opened' end as verdict
        from item i
        left join public.orders o on o.order_id = i.order_id
        left join public.accounts c on c.account_id = o.account_id
        left join public.venues v on v.venue_id = o.venue_id
        left join execution.account_leases h on h.account_id = o.account_id
        left join lateral (
          select a.attempt_id, a.state from execution.attempts a
           where a.order_id = i.order_id
           order by a.opened_at desc, a.attempt_id desc limit 1) last on true
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', j.i, 'worker_id', j.worker_id, 'order_id', j.order_id,
             'account_id', j.account_id, 'epoch', j.epoch, 'attempt_id', j.attempt_id,
             'state', case when j.verdict like 'TR%' then 'refused' else j.verdict end,
             'code', case when j.verdict like 'TR%' then j.verdict end,
             'to_status', case
               when j.verdict = 'opened' then 'submitted'
               when j.status is distinct from 'initialized' then null
               when j.verdict = 'TR411' then 'expired'
               when j.verdict in ('TR403', 'TR305', 'TR323', 'TR409', 'TR331') then 'denied' end,
             'message', case j.verdict
               when 'opened' then 'attempt opened'
               when 'TR411' then 'expired before it was sent'
               when 'TR403' then 'a halt covers the order'
               when 'TR305' then 'the account is not active'
               when 'TR323' then 'the order''s mode is not the account''s, or never sends'
               when 'TR409' then 'the venue is not the account''s'
               when 'TR331' then 'the venue is closed'
               when 'TR402' then 'the order is not to be sent'
               when 'TR404' then 'the order was asked for twice at once'
               when 'TR410' then 'no such order' end) order by j.i), '[]')
      from judged j);
end $$;
comment on function execution.judge_attempts(jsonb, timestamptz) is
  'Say for each order whether an attempt may be opened, is to be resolved, or is refused and why. Called by other procedures only.';
