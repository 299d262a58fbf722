#ifndef GITOPS_AGENT_ACTIVATE_FAKE_SYSTEMD_H_
#define GITOPS_AGENT_ACTIVATE_FAKE_SYSTEMD_H_

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/activate/systemd.h"
#include "common/sync/mutex.h"

namespace gitops {

// A systemd with the units that a test adds. Verbs have the effect of the real ones, unless the
// test overrides them. It has no time: a wait ends when the states of Then() are used up.
// Thread-safe.
class FakeSystemd : public Systemd {
 public:
  // A loaded service in this state.
  static UnitProperties Service(const std::string& active_state = "active",
                                const std::string& sub_state = "running");

  void SetUnit(const std::string& unit, UnitProperties properties);
  // `verb` of `unit` from now on: ends with `result`, and leaves the unit in `after`.
  void SetVerb(const std::string& unit, const std::string& verb, absl::Status result,
               UnitProperties after);
  // Adds a future state of the unit; each wait for a change takes the next one.
  void Then(const std::string& unit, UnitProperties next);
  // The Nth call from now (1: the next) of any method fails.
  void FailCall(int n, absl::Status error);
  // Waits do not end when the states are used up, but only when they are stopped.
  void HangWaits();
  // Waits until a call hangs in this way. Returns false after 10 s of real time.
  bool AwaitHanging();

  // The requested changes, oldest first: "reload nginx.service", "daemon-reload", "enable ...",
  // "reset-failed ..." (of a failed unit), "reboot".
  std::vector<std::string> changes();
  // The number of calls, including reads.
  int calls();
  UnitProperties unit(const std::string& unit);

  absl::Status Reload(absl::Time deadline, std::stop_token stop) override;
  absl::Status RunVerb(const std::string& unit, const std::string& verb, absl::Time deadline,
                       std::stop_token stop) override;
  absl::StatusOr<UnitProperties> Properties(const std::string& unit, absl::Time deadline,
                                            std::stop_token stop) override;
  absl::StatusOr<UnitProperties> State(const std::string& unit, absl::Time deadline,
                                       std::stop_token stop) override;
  absl::Status Enable(const std::string& unit, absl::Time deadline, std::stop_token stop) override;
  absl::Status ResetFailed(const std::string& unit, absl::Time deadline,
                           std::stop_token stop) override;
  absl::Status Reboot(absl::Time deadline, std::stop_token stop) override;
  absl::StatusOr<UnitProperties> WaitForUnit(
      const std::string& unit, const std::function<bool(const UnitProperties&)>& until,
      absl::Time deadline, std::stop_token stop) override;

 private:
  struct Verb {
    absl::Status result;
    UnitProperties after;
  };
  struct Unit {
    UnitProperties properties;
    std::map<std::string, Verb> verbs;
    std::deque<UnitProperties> to_come;
  };

  absl::Status Count() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Hang(std::stop_token stop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DoVerb(Unit& unit, const std::string& verb) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Unit> units_ ABSL_GUARDED_BY(mutex_);
  std::map<int, absl::Status> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> changes_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int starts_ ABSL_GUARDED_BY(mutex_) = 0;
  int hanging_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hang_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_FAKE_SYSTEMD_H_
