-- Who must approve what. Two of three personas and all automated checks are what a column says
-- that a kind does not set itself; a kind that is not here cannot be proposed.
insert into governance.quorum_rules as held
  (kind, humans, personas, electorate, checks, ttl_s, why)
values
  ('halt', 0, 2, default, default, default,
   'two of three personas stop what breached a limit'),
  ('high_risk_intent', 1, 0, default, default, 600,
   'a person answers for an order that is large, critical or nearly fills a limit'),
  ('lift_halt', 1, 2, '{risk_sentinel,compliance}', default, 86400,
   'the losses, the findings and a person must all allow it'),
  ('end_cooldown', 2, 0, default, default, 86400,
   'no persona measures why somebody was sent to rest: two people answer for ending it'),
  ('parameter', 1, 2, default, default, 86400,
   'what was measured is proposed, a person answers for it'),
  ('weights', 1, 2, default, '{subject_stands,evidence_given}', 604800,
   'what was learned from outcomes scores from now on: a person answers for it'),
  ('venue_model', 1, 2, default, '{subject_stands,evidence_given,evidence_enough,no_wide_halt}',
   604800,
   'what orders cost says where they go from now on: judged off policy, a person answers for it'),
  ('policy', 2, 2, default, default, 86400,
   'a pack that loosens a limit needs four eyes and the personas'),
  ('loosen_limit', 2, 2, default, default, 86400,
   'a looser limit needs four eyes and the personas'),
  ('promote_shadow', 2, 2, default, '{subject_stands,evidence_enough,no_wide_halt}', 604800,
   'what ran in the shadow is promoted on its evidence'),
  ('go_live', 2, 2, default,
   '{subject_stands,evidence_given,evidence_enough,policy_allows,no_wide_halt}', 604800,
   'real money needs four eyes and the personas'),
  ('buyback', 2, 2, default, '{amount_stated,reserves_cover,no_wide_halt}', 86400,
   'the treasury spends what is above its buffer only'),
  ('mint', 2, 2, default, '{amount_stated,no_wide_halt}', 86400,
   'supply grows by four eyes and the personas')
on conflict (kind) do update
   set humans = excluded.humans, personas = excluded.personas,
       electorate = excluded.electorate, checks = excluded.checks, ttl_s = excluded.ttl_s,
       why = excluded.why
 where (held.humans, held.personas, held.electorate, held.checks, held.ttl_s, held.why)
       is distinct from (excluded.humans, excluded.personas, excluded.electorate,
                         excluded.checks, excluded.ttl_s, excluded.why);
