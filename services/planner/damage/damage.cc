#include "services/planner/damage/damage.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "gitops/record/v1/audit.pb.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/fleet.pb.h"
#include "gitops/record/v1/lock.pb.h"
#include "gitops/record/v1/plan.pb.h"

namespace gitops {
namespace {

bool IsLock(const StoredValue& value) {
  record::v1::HostLock lock;
  return lock.ParseFromString(value.value) && absl::EndsWith(value.key, "/" + lock.host());
}

bool IsFencing(const StoredValue& value) {
  int64_t number = 0;
  return absl::SimpleAtoi(value.value, &number) && number > 0;
}

}  // namespace

const RecordKinds& PlannerRecords() {
  static const auto& records =
      *new RecordKinds{"planner/v1/",
                       {{"deployment", IsMessage<record::v1::DeploymentEntry>},
                        {"host", IsMessage<record::v1::HostEntry>},
                        {"step", IsMessage<record::v1::StepRecord>},
                        {"call", IsMessage<record::v1::HookCall>},
                        {"plan", IsMessage<record::v1::Plan>},
                        {"seen", IsMessage<record::v1::SeenHost>},
                        {"audit", IsMessage<record::v1::ReportedAudit>},
                        {"health", IsMessage<record::v1::HostHealth>},
                        {"lock", IsLock},
                        {"lockbroken", IsMessage<record::v1::DeploymentEvent>},
                        {"fencing", IsFencing}}};
  return records;
}

absl::Status RemoveDamaged(Store& store, const std::string& key) {
  const absl::StatusOr<StoredValue> value = DamagedAt(store, PlannerRecords(), key);
  if (!value.ok()) return value.status();
  // Hosts are numbered without gaps, so another record takes its place.
  record::v1::HostEntry lost;
  lost.mutable_host()->set_state(record::v1::HOST_DEPLOYMENT_STATE_FAILED);
  lost.mutable_host()->set_message("the record of this host was damaged and removed");
  absl::Status removed = PlannerRecords().NameOf(key) == "host"
                             ? store.Put(key, lost.SerializeAsString(), value->revision).status()
                             : store.Delete(key, value->revision);
  if (removed.ok()) store.damaged_records().Forget(key);
  return removed;
}

}  // namespace gitops
