create or replace trigger scoring_weights_fixed
  before update or delete on intake.scoring_weights
  for each row execute function intake.fix_weights();

create or replace trigger journal
  after insert or update or delete on intake.scoring_weights
  for each row execute function audit.record_change('weights_version');
