-- Every reason not to send, first match wins; whoever calls holds the halts, the account and
-- the order, so what is read here stays true until the commit.
create or replace function execution.judge_attempts(p_asked jsonb, p_now timestamptz)
returns jsonb
language plpgsql stable as $$
declare
  v_asked jsonb;
  v_order record;
  v_home record;
  v_last text := '';
  v_halts boolean := exists (select from governance.halts g where g.lifted_at is null);
  v_attempt record;
  v_verdict text;
  v_inquiry uuid;
  v_reopened boolean;
  v_again boolean;
  v_seen uuid[] := '{}';
  v_verdicts jsonb[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_asked) - 1 loop
    v_asked := p_asked -> i;
    select o.order_id, o.account_id, o.org_id, o.venue_id, o.strategy_id, o.symbol, o.status,
           o.expires_at, o.reduce_only, o.mode, o.latency_class, o.intent_id, o.change_id
      into v_order
      from public.orders o
     where o.order_id = (v_asked ->> 'order_id')::uuid;
    if v_last is distinct from v_order.account_id || '/' || v_order.venue_id then
      -- Once for all of an account's: they come together.
      v_last := v_order.account_id || '/' || v_order.venue_id;
      select c.state as account_state, c.mode as account_mode, c.venue_id as account_venue,
             v.state as venue_state, v.kind as venue_kind, h.epoch
        into v_home
        from (select v_order.account_id as account_id, v_order.venue_id as venue_id) k
        left join public.accounts c on c.account_id = k.account_id
        left join public.venues v on v.venue_id = k.venue_id
        left join execution.account_leases h on h.account_id = k.account_id;
    end if;
    v_inquiry := (v_asked ->> 'inquiry_id')::uuid;
    -- What has no answer comes first; then what an inquiry names, then the newest.
    select a.attempt_id, a.state into v_attempt
      from execution.attempts a
     where a.order_id = v_order.order_id
     order by a.state in ('open', 'unknown') desc, a.inquiry_id is not distinct from v_inquiry
                and v_inquiry is not null desc, a.opened_at desc, a.attempt_id desc
     limit 1;
    -- The venue knows more of an attempt that was closed.
    v_reopened := false;
    v_again := false;
    if v_inquiry is not null then
      v_reopened := exists (
        select from execution.reopenings r
         where r.inquiry_id = v_inquiry and r.attempt_id = v_attempt.attempt_id);
      -- A finished attempt of an order that waits: nothing was executed, it may be tried again.
      v_again := not v_reopened and v_order.status = 'initialized'
                 and v_attempt.state in ('answered', 'not_sent')
                 and not exists (select from execution.attempts b
                                  where b.attempt_id = (v_asked ->> 'attempt_id')::uuid);
    end if;
    v_verdict := case
      when v_asked ->> 'reconciliation_id' is not null then 'reconcile'
      when v_order.order_id is null then 'TR410'
      when v_attempt.state in ('open', 'unknown') then 'resolve'
      when v_inquiry is not null
           and (v_reopened or v_attempt.state = 'answered' and (v_order.status in (
                  'accepted', 'triggered', 'partially_filled', 'pending_update',
                  'pending_cancel') or v_order.change_id is not null and exists (
                    select from execution.order_changes g
                     where g.change_id = v_order.change_id and g.state = 'pending'))) then 'sync'
      when v_attempt.attempt_id is not null and not v_again then 'answered'
      when v_order.status <> 'initialized'
           or v_inquiry is not null and not v_again then 'TR402'
      when v_order.order_id = any (v_seen) then 'TR404'
      when v_order.expires_at <= p_now then 'TR411'
      when v_halts and not v_order.reduce_only and governance.standing_halt(
             v_order.org_id, v_order.venue_id, v_order.account_id, v_order.strategy_id,
             v_order.symbol) is not null then 'TR403'
      when v_home.account_state is distinct from 'active' then 'TR305'
      when v_order.mode is distinct from v_home.account_mode then 'TR323'
      when v_order.venue_id is distinct from v_home.account_venue then 'TR409'
      -- A shadow trades nowhere but in the shadow of a venue, and nobody else trades there.
      when (v_home.account_mode = 'shadow') is distinct from (v_home.venue_kind = 'shadow')
        then 'TR323'
      when v_home.venue_state is distinct from 'active' then 'TR331'
      -- A worked order's child: price, age, rate and authority may have moved since it was cut.
      when v_order.latency_class <> 'immediate' then coalesce((
             select execution.child_refusal(n, p.policy_hash)
               from execution.parents w
               join public.intents n on n.intent_id = w.intent_id
               left join risk.policies p on p.active
              where w.intent_id = v_order.intent_id), 'opened')
      else 'opened' end;
    v_seen := array_append(v_seen, v_order.order_id);
    v_verdicts := array_append(v_verdicts, jsonb_build_object(
      'i', v_asked -> 'i', 'worker_id', v_asked -> 'worker_id', 'order_id', v_asked -> 'order_id',
      'account_id', v_order.account_id, 'epoch', v_home.epoch,
      'attempt_id', case when v_verdict = 'opened' or v_attempt.attempt_id is null
                         then v_asked -> 'attempt_id' else to_jsonb(v_attempt.attempt_id) end,
      'state', case when v_verdict like 'TR%' then 'refused' else v_verdict end,
      'code', case when v_verdict like 'TR%' then v_verdict end,
      'to_status', case
        when v_verdict = 'opened' then 'submitted'
        when v_order.status is distinct from 'initialized' then null
        when v_verdict = 'TR411' then 'expired'
        when v_verdict in ('TR403', 'TR305', 'TR323', 'TR409', 'TR331', 'TR401', 'TR307', 'TR301',
                           'TR302', 'TR303', 'TR318', 'TR317') then 'denied' end,
      'message', case v_verdict
        when 'opened' then 'attempt opened'
        when 'TR411' then 'expired before it was sent'
        when 'TR403' then 'a halt covers the order'
        when 'TR305' then 'the account is not active'
        when 'TR323' then 'the order''s mode is not the account''s, or the venue is none for it'
        when 'TR409' then 'the venue is not the account''s'
        when 'TR331' then 'the venue is closed'
        when 'TR401' then 'nothing is reserved for the order any more'
        when 'TR307' then 'another policy pack is active'
        when 'TR301' then 'a mandatory limit is not set'
        when 'TR302' then 'there is no quote'
        when 'TR303' then 'the last quote is too old'
        when 'TR318' then 'the price is too far from the market'
        when 'TR317' then 'too many orders in the last minute'
        when 'TR402' then 'the order is not to be sent'
        when 'TR404' then 'the order was asked for twice at once'
        when 'TR410' then 'no such order' end));
  end loop;
  return to_jsonb(v_verdicts);
end $$;
comment on function execution.judge_attempts(jsonb, timestamptz) is
  'Say for each order whether an attempt may be opened, is to be resolved, or is refused and why. Called by other procedures only.';
