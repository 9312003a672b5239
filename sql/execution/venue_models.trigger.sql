create or replace trigger venue_models_fixed
  before update or delete on execution.venue_models
  for each row execute function execution.fix_venue_model();

create or replace trigger journal
  after insert or update or delete on execution.venue_models
  for each row execute function audit.record_change('model');
