#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/activate/bus_client.h"
#include "agent/activate/bus_messages.h"
#include "agent/activate/completion.h"
#include "agent/activate/systemd.h"

namespace gitops {
namespace {

constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr char kPropertiesInterface[] = "org.freedesktop.DBus.Properties";
// For details of an error message, after the call's own deadline.
constexpr absl::Duration kForMessage = absl::Seconds(2);

absl::StatusOr<bool> IgnoreReply(sd_bus_message*) { return true; }

absl::Status WithContext(const absl::Status& status, const std::string& attempted) {
  if (status.ok()) return status;
  std::string message(status.message());
  if (message.empty()) {
    message = absl::IsCancelled(status) ? "the agent is stopping" : "timed out";
  }
  const absl::StatusCode code =
      absl::IsNotFound(status) ? absl::StatusCode::kFailedPrecondition : status.code();
  return absl::Status(code, absl::StrCat(attempted, ": ", message));
}

// The results of jobs that systemd announced. A job may end before the reply with its name is read,
// so results are kept until the name is known. Used by the bus thread only.
struct JobWatch {
  bool lost = false;  // the end of the job would not be heard of
  std::string job;
  std::map<std::string, std::string> results;
  Completion<std::string> result;

  void Look() {
    auto found = results.find(job);
    if (!job.empty() && found != results.end()) result.Finish(found->second);
  }
};

class BusSystemd : public Systemd {
 public:
  explicit BusSystemd(Clock* clock) : clock_(clock) {}

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
  // Calls and waits; `read` turns the reply into the result, on the bus thread.
  template <typename T>
  absl::StatusOr<T> CallAndWait(BusClient::Method method, BusClient::Arguments arguments,
                                std::function<absl::StatusOr<T>(sd_bus_message*)> read,
                                absl::Time deadline, std::stop_token stop);
  std::string WithUnitState(const std::string& message, const std::string& unit);

  Clock* const clock_;
  BusClient bus_;
};

template <typename T>
absl::StatusOr<T> BusSystemd::CallAndWait(BusClient::Method method, BusClient::Arguments arguments,
                                          std::function<absl::StatusOr<T>(sd_bus_message*)> read,
                                          absl::Time deadline, std::stop_token stop) {
  auto completion = std::make_shared<Completion<T>>();
  // sd-bus times out a little later than the waiter here, whose result counts.
  const absl::Duration timeout = deadline - clock_->Now() + absl::Seconds(5);
  bus_.Call(std::move(method), std::move(arguments), timeout,
            [completion, read = std::move(read)](absl::StatusOr<sd_bus_message*> reply) {
              completion->Finish(reply.ok() ? read(*reply) : absl::StatusOr<T>(reply.status()));
            });
  return completion->Await(clock_, deadline, stop);
}

absl::Status BusSystemd::Reload(absl::Time deadline, std::stop_token stop) {
  return WithContext(
      CallAndWait<bool>({kManagerPath, kManager, "Reload"}, nullptr, &IgnoreReply, deadline, stop)
          .status(),
      "reloading the unit files (daemon-reload)");
}

absl::Status BusSystemd::RunVerb(const std::string& unit, const std::string& verb,
                                 absl::Time deadline, std::stop_token stop) {
  const std::string attempted = absl::StrCat(verb, " of unit ", unit);
  absl::StatusOr<std::string> member = VerbMethod(verb);
  if (!member.ok()) return member.status();

  auto watch = std::make_shared<JobWatch>();
  const int64_t subscription = bus_.Subscribe(
      {kManagerPath, kManager, "JobRemoved"},
      [watch](sd_bus_message* signal) {
        absl::StatusOr<JobRemoved> removed = ReadJobRemoved(signal);
        if (!removed.ok()) return;
        watch->results[removed->job] = removed->result;
        watch->Look();
      },
      [watch](absl::Status why) {
        watch->lost = true;
        watch->result.Finish(why);
      });
  absl::Cleanup unsubscribe = [this, subscription] { bus_.Unsubscribe(subscription); };

  bus_.Call(
      {kManagerPath, kManager, *member},
      [unit, watch](sd_bus_message* m) {
        // What counts as failed must not happen.
        if (watch->lost) return -ENOTCONN;
        return sd_bus_message_append(m, "ss", unit.c_str(), "replace");
      },
      deadline - clock_->Now() + absl::Seconds(5),
      [watch](absl::StatusOr<sd_bus_message*> reply) {
        absl::StatusOr<std::string> job =
            reply.ok() ? ReadObjectPath(*reply) : absl::StatusOr<std::string>(reply.status());
        if (!job.ok()) return watch->result.Finish(job.status());
        watch->job = *job;
        watch->Look();
      });

  absl::StatusOr<std::string> result = watch->result.Await(clock_, deadline, stop);
  if (absl::IsDeadlineExceeded(result.status())) {
    return absl::DeadlineExceededError(
        WithUnitState(attempted + ": its job did not finish in time", unit));
  }
  if (!result.ok()) return WithContext(result.status(), attempted);
  // "skipped": a condition of the unit was not met; systemctl treats that as success too.
  if (*result == "done" || *result == "skipped") return absl::OkStatus();
  return absl::FailedPreconditionError(
      WithUnitState(absl::StrCat(attempted, ": ", ExplainJobResult(*result)), unit));
}

std::string BusSystemd::WithUnitState(const std::string& message, const std::string& unit) {
  absl::StatusOr<UnitProperties> now = Properties(unit, clock_->Now() + kForMessage, {});
  const std::string state = now.ok() ? "; the unit is " + DescribeUnit(*now) : "";
  return absl::StrCat(message, state, "; see journalctl -u ", unit);
}

absl::StatusOr<UnitProperties> BusSystemd::Properties(const std::string& unit, absl::Time deadline,
                                                      std::stop_token stop) {
  absl::StatusOr<std::string> path = UnitPath(unit);
  if (!path.ok()) return path.status();
  absl::StatusOr<UnitProperties> properties = CallAndWait<UnitProperties>(
      {*path, kPropertiesInterface, "GetAll"},
      // No interface: the properties of all, the unit's and its type's.
      [](sd_bus_message* m) { return sd_bus_message_append(m, "s", ""); }, &ReadUnitProperties,
      deadline, stop);
  if (!properties.ok()) return WithContext(properties.status(), "reading unit " + unit);
  return properties;
}

absl::StatusOr<UnitProperties> BusSystemd::State(const std::string& unit, absl::Time deadline,
                                                 std::stop_token stop) {
  absl::StatusOr<UnitProperties> state = CallAndWait<UnitProperties>(
      {kManagerPath, kManager, "ListUnitsByNames"},
      [unit](sd_bus_message* m) { return sd_bus_message_append(m, "as", 1, unit.c_str()); },
      &ReadUnitState, deadline, stop);
  if (!state.ok()) return WithContext(state.status(), "reading unit " + unit);
  return state;
}

absl::Status BusSystemd::Enable(const std::string& unit, absl::Time deadline,
                                std::stop_token stop) {
  return WithContext(CallAndWait<bool>(
                         {kManagerPath, kManager, "EnableUnitFiles"},
                         [unit](sd_bus_message* m) {
                           // Permanently, not only until the next boot; existing links are not
                           // replaced.
                           return sd_bus_message_append(m, "asbb", 1, unit.c_str(), 0, 0);
                         },
                         &IgnoreReply, deadline, stop)
                         .status(),
                     "enabling unit " + unit);
}

absl::Status BusSystemd::ResetFailed(const std::string& unit, absl::Time deadline,
                                     std::stop_token stop) {
  const absl::Status status =
      CallAndWait<bool>(
          {kManagerPath, kManager, "ResetFailedUnit"},
          [unit](sd_bus_message* m) { return sd_bus_message_append(m, "s", unit.c_str()); },
          &IgnoreReply, deadline, stop)
          .status();
  // systemd may unload a stopped unit: then there is nothing to reset.
  if (absl::IsNotFound(status)) return absl::OkStatus();
  return WithContext(status, "resetting failures of unit " + unit);
}

absl::Status BusSystemd::Reboot(absl::Time deadline, std::stop_token stop) {
  // The manager's Reboot() does not stop units in order; this is what systemctl(1) does, and it
  // does not need logind.
  return WithContext(CallAndWait<bool>(
                         {kManagerPath, kManager, "StartUnit"},
                         [](sd_bus_message* m) {
                           return sd_bus_message_append(m, "ss", "reboot.target",
                                                        "replace-irreversibly");
                         },
                         &IgnoreReply, deadline, stop)
                         .status(),
                     "requesting a reboot from systemd");
}

absl::StatusOr<UnitProperties> BusSystemd::WaitForUnit(
    const std::string& unit, const std::function<bool(const UnitProperties&)>& until,
    absl::Time deadline, std::stop_token stop) {
  // A unit can be read under an alias, but it announces changes under its own name.
  absl::StatusOr<UnitProperties> now = Properties(unit, deadline, stop);
  if (!now.ok()) return now;
  const std::string id = now->id.empty() ? unit : now->id;
  absl::StatusOr<std::string> path = UnitPath(id);
  if (!path.ok()) return path.status();

  // True: something changed; false is never sent. The bus thread sets it, this thread takes it.
  auto change = std::make_shared<Completion<bool>>();
  const int64_t subscription = bus_.Subscribe(
      {*path, kPropertiesInterface, "PropertiesChanged"},
      [change](sd_bus_message*) { change->Finish(true); },
      [change](absl::Status why) { change->Finish(why); });
  absl::Cleanup unsubscribe = [this, subscription] { bus_.Unsubscribe(subscription); };

  for (;;) {
    now = Properties(id, deadline, stop);
    if (!now.ok() || until(*now)) return now;
    absl::StatusOr<bool> changed = change->Await(clock_, deadline, stop);
    if (!changed.ok()) return WithContext(changed.status(), "waiting for unit " + id);
  }
}

}  // namespace

std::unique_ptr<Systemd> NewBusSystemd(Clock* clock) { return std::make_unique<BusSystemd>(clock); }

}  // namespace gitops
