#include "services/planner/record/deployment_record.h"

#include "common/clock/timestamp.h"
#include "common/store/convert.h"

namespace gitops {

record::v1::DeploymentEntry ToStored(const DeploymentRecord& record) {
  // Names every field of DeploymentRecord, so that one more does not compile until it is stored.
  const auto& [deployment, cancel_requested, halt_reason, traceparent, pause_until, paused_after,
               catch_up_until, rollback_wave, rollback_reason] = record;
  record::v1::DeploymentEntry stored;
  Convert(deployment, *stored.mutable_deployment());
  stored.set_cancel_requested(cancel_requested);
  stored.set_halt_reason(halt_reason);
  stored.set_traceparent(traceparent);
  if (pause_until.has_value()) *stored.mutable_pause_until() = ToTimestamp(*pause_until);
  stored.set_paused_after(paused_after);
  if (catch_up_until.has_value()) *stored.mutable_catch_up_until() = ToTimestamp(*catch_up_until);
  stored.set_rollback_wave(rollback_wave);
  stored.set_rollback_reason(rollback_reason);
  return stored;
}

DeploymentRecord FromStored(const record::v1::DeploymentEntry& stored) {
  DeploymentRecord record;
  Convert(stored.deployment(), record.deployment);
  record.cancel_requested = stored.cancel_requested();
  record.halt_reason = stored.halt_reason();
  record.traceparent = stored.traceparent();
  if (stored.has_pause_until()) record.pause_until = FromTimestamp(stored.pause_until());
  record.paused_after = stored.paused_after();
  if (stored.has_catch_up_until()) record.catch_up_until = FromTimestamp(stored.catch_up_until());
  record.rollback_wave = stored.rollback_wave();
  record.rollback_reason = stored.rollback_reason();
  return record;
}

record::v1::HostEntry ToStored(const HostRecord& record) {
  const auto& [host, progress, revisions, rolling_back] = record;
  record::v1::HostEntry stored;
  Convert(host, *stored.mutable_host());
  *stored.mutable_progress() = progress;
  ConvertAll(revisions, *stored.mutable_revisions());
  stored.set_rolling_back(rolling_back);
  return stored;
}

HostRecord FromStored(const record::v1::HostEntry& stored) {
  HostRecord record;
  Convert(stored.host(), record.host);
  record.progress = stored.progress();
  ConvertAll(stored.revisions(), record.revisions);
  record.rolling_back = stored.rolling_back();
  return record;
}

}  // namespace gitops
