-- Every version that was ever proposed, with how it was learned: of no organisation.
grant select
  on intake.scoring_weights
  to desk_reader, auditor, desk_operator, treasury_operator;
