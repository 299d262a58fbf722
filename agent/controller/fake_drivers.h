#ifndef GITOPS_AGENT_CONTROLLER_FAKE_DRIVERS_H_
#define GITOPS_AGENT_CONTROLLER_FAKE_DRIVERS_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/controller/host_agent.h"
#include "common/sync/mutex.h"

namespace gitops {

// A host and an upstream in memory: revisions, the published and activated revision of each
// service, and faults that a test turns on and off. Thread-safe.
class FakeHost final : public DriverFactory {
 public:
  FakeHost();
  ~FakeHost() override;

  std::shared_ptr<Upstream> UpstreamFor(const ServiceSpec& spec) override;
  absl::StatusOr<ServiceDrivers> DriversFor(const ServiceSpec& spec) override;

  // The state of one service, for tests.
  struct Service {
    std::set<std::string> ready;
    std::set<std::string> edited;  // revisions whose files were changed on the host
    std::string published;
    std::string activated;
    std::vector<std::string> activations;  // every attempt, in order
    std::vector<DriftEntry> drift;
    absl::Status health;
    int looks = 0;                               // how often the published revision was read
    absl::Status published_error, intact_error;  // of asking what is published, or intact
  };
  Service Look(const std::string& service);
  void Set(const std::string& service, const std::function<void(Service&)>& change);

  // The upstream: tips by branch, its commits, and whether it answers.
  void Push(const std::string& branch, const std::string& revision);
  void SetUpstreamStatus(absl::Status status);
  int polls();
  int comparisons();  // how often the upstream was asked what a revision touches

  // What people see of any revision.
  static CommitInfo Commit(const std::string& revision) {
    return {.hash = revision, .subject = "Subject of " + revision, .author = "Ann"};
  }

  // See Source::Remark.
  void SetRemark(const std::string& revision, std::string remark);
  // Faults by revision; OK ends one.
  void FailPrepare(const std::string& revision, absl::Status status);
  void FailPublish(const std::string& revision, absl::Status status);
  void FailActivate(const std::string& revision, absl::Status status);
  // Two revisions with the same content for every service, except below these links (and for the
  // services of these names).
  void MakeSame(const std::string& a, const std::string& b, std::set<std::string> touched = {});
  // Activations block until Release().
  void HoldActivations();
  void Release();
  // Revisions that are not prepared yet cannot be fetched until ReleaseFetches() or a stop request.
  void HoldFetches();
  void ReleaseFetches();
  bool AwaitHeldFetch();
  bool fetching();  // a fetch is held
  // Sources describe no commit until ReleaseFetches() or a stop request.
  void HoldDescriptions();
  // Publications block before they ask whether they may exchange, and drift scans block, both until
  // ReleaseDisk() or a stop request.
  // With `stops_late`, those that are held notice no stop request.
  void HoldDisk(bool stops_late = false);
  // Publications block after their exchanges until ReleaseDisk().
  void HoldEndsOfPublications();
  void ReleaseDisk();
  bool AwaitHeldDisk();
  // Waits until an activation blocks. Returns false after 10 s.
  bool AwaitHeld();

 private:
  class FakeUpstream;
  class FakeSource;
  class FakePublisher;
  class FakeActivator;

  absl::Status PassDisk(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);
  bool AwaitPositive(const int& held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static absl::Status Fault(const std::map<std::string, absl::Status>& faults,
                            const std::string& revision);

  std::shared_ptr<Upstream> upstream_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Service> services_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> tips_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> commits_ ABSL_GUARDED_BY(mutex_);
  // What differs between two revisions; not in it: everything.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> same_
      ABSL_GUARDED_BY(mutex_);
  absl::Status upstream_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> remarks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> prepare_faults_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> publish_faults_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> activate_faults_ ABSL_GUARDED_BY(mutex_);
  int polls_ ABSL_GUARDED_BY(mutex_) = 0;
  int comparisons_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hold_fetches_ ABSL_GUARDED_BY(mutex_) = false;
  bool hold_descriptions_ ABSL_GUARDED_BY(mutex_) = false;
  int held_fetches_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hold_disk_ ABSL_GUARDED_BY(mutex_) = false;
  bool stops_late_ ABSL_GUARDED_BY(mutex_) = false;
  bool hold_ends_ ABSL_GUARDED_BY(mutex_) = false;
  int held_disk_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_FAKE_DRIVERS_H_
