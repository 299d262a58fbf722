#ifndef GITOPS_AGENT_ACTIVATE_BUS_CLIENT_H_
#define GITOPS_AGENT_ACTIVATE_BUS_CLIENT_H_

#include <systemd/sd-bus.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace gitops {

// A connection to the system bus, and the only thread that uses it, as sd-bus requires. The thread
// starts with the first call and sleeps while nothing happens. When the bus is lost, all calls in
// progress fail with UNAVAILABLE, and the next call reconnects. A call for which the thread cannot
// be started fails with UNAVAILABLE too, and the next one tries again.
class BusClient {
 public:
  struct Method {
    std::string path;  // object, interface and member, of org.freedesktop.systemd1
    std::string interface;
    std::string member;
  };
  // Puts the arguments into the message; negative errno on failure.
  using Arguments = std::function<int(sd_bus_message*)>;
  // Receives the reply, owned by the caller of this function, or an error.
  using OnReply = std::function<void(absl::StatusOr<sd_bus_message*>)>;
  using OnSignal = std::function<void(sd_bus_message*)>;
  using OnLost = std::function<void(absl::Status)>;

  BusClient() = default;
  ~BusClient();
  BusClient(const BusClient&) = delete;
  BusClient& operator=(const BusClient&) = delete;

  // Both return at once; the callbacks run on the bus thread (or, where that cannot be started, on
  // the caller's), and must not block. OnReply runs exactly once. OnLost ends the subscription.
  // Calls are sent in order, so a call made after Subscribe() cannot overtake it.
  void Call(Method method, Arguments arguments, absl::Duration timeout, OnReply on_reply);
  int64_t Subscribe(Method signal, OnSignal on_signal, OnLost on_lost);
  void Unsubscribe(int64_t subscription);

 private:
  struct Pending {
    BusClient* client;
    int64_t id;
  };
  struct Subscription {
    sd_bus_slot* slot = nullptr;
    OnSignal on_signal;
    OnLost on_lost;
  };

  static int HandleReply(sd_bus_message* reply, void* pending, sd_bus_error*);
  static int HandleSignal(sd_bus_message* signal, void* subscription, sd_bus_error*);

  absl::Status EnsureThread();
  // Does nothing without the thread.
  void Post(std::function<void()> task);
  void Loop();
  // The rest only on the bus thread.
  bool RunTasks();
  void Process();
  void Sleep();
  absl::Status Connect();
  void Disconnect(const absl::Status& why);
  absl::Status Send(const Method& method, const Arguments& arguments, absl::Duration timeout,
                    OnReply& on_reply);
  absl::Status AddMatch(const Method& signal, Subscription& subscription);

  Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  int wake_ = -1;  // an eventfd; made once, before the thread starts

  // Used by the bus thread only.
  sd_bus* bus_ = nullptr;
  int64_t next_call_ = 1;
  std::map<int64_t, OnReply> calls_;
  std::map<int64_t, Subscription> subscriptions_;
};

// Converts an sd-bus error to one of the errors of Systemd; NOT_FOUND: no such unit.
absl::Status BusErrorToStatus(const std::string& name, const std::string& message);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_BUS_CLIENT_H_
