-- Conditions that are no figures: cooldowns and trading windows. What only closes passes.
create or replace function risk.judge_conditions(
  p_read record, p_conditions jsonb, p_closes boolean)
returns public.risk_checks[]
language plpgsql stable as $$
declare
  v_checks public.risk_checks[] := '{}';
  v_at timestamp := p_read.checked_at at time zone 'utc';
  r record;
begin
  for r in
    select 'cooldown' as kind, k.scope, k.scope_id, 'TR349' as code,
           not coalesce(p_conditions -> 'cooldowns' ? (k.scope || '/' || k.scope_id), false)
             as ok
      from (values ('strategy', p_read.strategy_id), ('venue', p_read.venue_id))
             as k(scope, scope_id)
     where p_conditions ? 'cooldowns'
    union all
    -- Each level that has windows for the intent must have one that is open.
    select 'trading_window', w.scope, max(w.scope_id), 'TR348',
           bool_or(extract(isodow from v_at)::int in (
                     select d.value::int from jsonb_array_elements_text(w.days) d)
                   and v_at::time >= w.opens and v_at::time < w.closes)
      from jsonb_to_recordset(coalesce(p_conditions -> 'windows', '[]')) as w(
        scope text, scope_id text, days jsonb, opens time, closes time)
     where w.scope_id = '*' or w.scope_id = case w.scope
             when 'organization' then p_read.org_id when 'account' then p_read.account_id
             when 'strategy' then p_read.strategy_id when 'instrument' then p_read.symbol
             when 'venue' then p_read.venue_id end
     group by w.scope
     order by 1, 2
  loop
    v_checks := array_append(v_checks, row(
      p_read.intent_id, r.kind, r.scope, r.scope_id, 1, r.ok::int, r.ok::int, 'flag',
      case when r.ok or p_closes then 'passed' else 'denied' end,
      case when not (r.ok or p_closes) then r.code end, p_read.checked_at,
      null)::public.risk_checks);
  end loop;
  return v_checks;
end $$;
comment on function risk.judge_conditions(record, jsonb, boolean) is
  'Judge one intent by cooldowns and trading windows. Internal.';
