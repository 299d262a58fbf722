#include "agent/activate/bus_client.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr char kDestination[] = "org.freedesktop.systemd1";
constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr absl::Duration kSubscribeTimeout = absl::Seconds(25);

absl::Status Unreachable(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(
      what, ": ", absl::string_view(strerror(error)),
      "; unit actions need systemd and its D-Bus (systemctl status dbus), or an empty `action`"));
}

// Milliseconds until sd-bus needs a call; -1: never.
int PollTimeout(sd_bus* bus) {
  uint64_t until = 0;
  if (sd_bus_get_timeout(bus, &until) < 0 || until == UINT64_MAX) return -1;
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t microseconds = uint64_t(now.tv_sec) * 1'000'000 + uint64_t(now.tv_nsec) / 1'000;
  if (until <= microseconds) return 0;
  return static_cast<int>(std::min<uint64_t>((until - microseconds) / 1'000 + 1, 60'000));
}

}  // namespace

absl::Status BusErrorToStatus(const std::string& name, const std::string& message) {
  static const auto* const gone = new absl::flat_hash_set<std::string>{
      SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY,
      SD_BUS_ERROR_DISCONNECTED,    SD_BUS_ERROR_NO_SERVER,         SD_BUS_ERROR_IO_ERROR,
      SD_BUS_ERROR_LIMITS_EXCEEDED, "System.Error.ENOTCONN",        "System.Error.ECONNRESET",
      "System.Error.EPIPE",         "System.Error.EHOSTDOWN"};
  const std::string text = absl::StrCat(message, " (", name, ")");
  if (gone->contains(name) || absl::StartsWith(name, "org.freedesktop.DBus.Error.Spawn")) {
    return absl::UnavailableError(absl::StrCat("systemd cannot be reached: ", text));
  }
  if (name == SD_BUS_ERROR_TIMEOUT || name == "System.Error.ETIMEDOUT") {
    return absl::DeadlineExceededError(absl::StrCat("systemd did not answer in time: ", text));
  }
  if (name == "org.freedesktop.systemd1.NoSuchUnit") {
    return absl::NotFoundError(absl::StrCat("the unit is not known to systemd: ", text,
                                            "; install it, or correct `service`"));
  }
  if (name == SD_BUS_ERROR_ACCESS_DENIED ||
      name == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) {
    return absl::FailedPreconditionError(
        absl::StrCat("systemd does not allow it: ", text, "; run the agent as root"));
  }
  return absl::FailedPreconditionError(absl::StrCat("systemd refused: ", text));
}

BusClient::~BusClient() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  if (thread.joinable()) {
    eventfd_write(wake_, 1);
    thread.join();
  }
  if (wake_ >= 0) close(wake_);
}

absl::Status BusClient::EnsureThread() {
  MutexLock lock(mutex_);
  if (thread_.joinable() || stopping_) return absl::OkStatus();
  if (wake_ < 0) wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return Unreachable("cannot make an event descriptor for the system bus", errno);
  absl::StatusOr<std::thread> thread = StartThread("talk to systemd", [this] { Loop(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void BusClient::Call(Method method, Arguments arguments, absl::Duration timeout, OnReply on_reply) {
  if (absl::Status started = EnsureThread(); !started.ok()) return on_reply(started);
  Post([this, method = std::move(method), arguments = std::move(arguments), timeout,
        on_reply = std::move(on_reply)]() mutable {
    absl::Status status = Connect();
    if (status.ok()) status = Send(method, arguments, timeout, on_reply);
    if (!status.ok()) on_reply(status);
  });
}

int64_t BusClient::Subscribe(Method signal, OnSignal on_signal, OnLost on_lost) {
  int64_t id = 0;
  {
    MutexLock lock(mutex_);
    id = next_id_++;
  }
  if (absl::Status started = EnsureThread(); !started.ok()) {
    on_lost(started);
    return id;
  }
  Post([this, id, signal = std::move(signal), on_signal = std::move(on_signal),
        on_lost = std::move(on_lost)]() mutable {
    absl::Status status = Connect();
    Subscription& subscription = subscriptions_[id];
    subscription.on_signal = std::move(on_signal);
    subscription.on_lost = std::move(on_lost);
    if (status.ok()) status = AddMatch(signal, subscription);
    if (status.ok()) return;
    OnLost lost = std::move(subscription.on_lost);
    subscriptions_.erase(id);
    lost(status);
  });
  return id;
}

void BusClient::Unsubscribe(int64_t subscription) {
  Post([this, subscription] {
    auto found = subscriptions_.find(subscription);
    if (found == subscriptions_.end()) return;
    sd_bus_slot_unref(found->second.slot);
    subscriptions_.erase(found);
  });
}

void BusClient::Post(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (!thread_.joinable()) return;
  tasks_.push_back(std::move(task));
  eventfd_write(wake_, 1);
}

void BusClient::Loop() {
  while (RunTasks()) {
    Process();
    Sleep();
  }
  Disconnect(absl::CancelledError("the agent is stopping"));
}

bool BusClient::RunTasks() {
  std::deque<std::function<void()>> tasks;
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    tasks.swap(tasks_);
    stopping = stopping_;
  }
  for (auto& task : tasks) task();
  return !stopping;
}

void BusClient::Process() {
  int processed = 1;
  while (bus_ != nullptr && processed > 0) {
    processed = sd_bus_process(bus_, nullptr);
    if (processed < 0 || sd_bus_is_open(bus_) <= 0) {
      Disconnect(Unreachable("the connection to systemd was lost",
                             processed < 0 ? -processed : ECONNRESET));
    }
  }
}

void BusClient::Sleep() {
  {
    // Tasks that OnReply and OnSignal posted while the bus was processed.
    MutexLock lock(mutex_);
    if (!tasks_.empty() || stopping_) return;
  }
  pollfd fds[2] = {{.fd = wake_, .events = POLLIN, .revents = 0}, {}};
  int timeout = -1;
  if (bus_ != nullptr) {
    const int events = sd_bus_get_events(bus_);
    fds[1] = {
        .fd = sd_bus_get_fd(bus_), .events = short(events < 0 ? POLLIN : events), .revents = 0};
    timeout = PollTimeout(bus_);
  }
  poll(fds, bus_ == nullptr ? 1 : 2, timeout);
  eventfd_t woken = 0;
  eventfd_read(wake_, &woken);
}

absl::Status BusClient::Connect() {
  if (bus_ != nullptr) return absl::OkStatus();
  int error = sd_bus_open_system_with_description(&bus_, "gitops-agent");
  if (error < 0) {
    bus_ = nullptr;
    return Unreachable("cannot connect to the system bus", -error);
  }
  // Without a subscriber systemd sends no signals. The call fails if the bus is back and systemd is
  // not: then the connection is useless, and the next call opens another.
  OnReply on_subscribed = [this, bus = bus_](absl::StatusOr<sd_bus_message*> reply) {
    if (reply.ok()) return;
    Post([this, bus, why = reply.status()] {
      if (bus_ == bus) Disconnect(why);
    });
  };
  return Send({kManagerPath, kManager, "Subscribe"}, nullptr, kSubscribeTimeout, on_subscribed);
}

void BusClient::Disconnect(const absl::Status& why) {
  // Callers may call again at once; their calls become tasks for later.
  std::map<int64_t, OnReply> calls = std::move(calls_);
  std::map<int64_t, Subscription> subscriptions = std::move(subscriptions_);
  calls_.clear();
  subscriptions_.clear();
  for (auto& [id, subscription] : subscriptions) sd_bus_slot_unref(subscription.slot);
  bus_ = sd_bus_close_unref(bus_);
  for (auto& [id, on_reply] : calls) on_reply(why);
  for (auto& [id, subscription] : subscriptions) subscription.on_lost(why);
}

absl::Status BusClient::Send(const Method& method, const Arguments& arguments,
                             absl::Duration timeout, OnReply& on_reply) {
  sd_bus_message* message = nullptr;
  int error = sd_bus_message_new_method_call(bus_, &message, kDestination, method.path.c_str(),
                                             method.interface.c_str(), method.member.c_str());
  if (error >= 0 && arguments) error = arguments(message);
  if (error >= 0) {
    const uint64_t microseconds = timeout == absl::InfiniteDuration()
                                      ? UINT64_MAX
                                      : std::max<int64_t>(1, absl::ToInt64Microseconds(timeout));
    auto pending = std::make_unique<Pending>(Pending{this, next_call_++});
    sd_bus_slot* slot = nullptr;
    error = sd_bus_call_async(bus_, &slot, message, &HandleReply, pending.get(), microseconds);
    if (error >= 0) {
      calls_[pending->id] = std::move(on_reply);
      // The slot lives until the reply is handled, or the connection is closed.
      sd_bus_slot_set_destroy_callback(slot, [](void* p) { delete static_cast<Pending*>(p); });
      sd_bus_slot_set_floating(slot, 1);
      sd_bus_slot_unref(slot);
      pending.release();
    }
  }
  sd_bus_message_unref(message);
  return error < 0 ? Unreachable(absl::StrCat("cannot call systemd's ", method.member), -error)
                   : absl::OkStatus();
}

absl::Status BusClient::AddMatch(const Method& signal, Subscription& subscription) {
  const int error = sd_bus_match_signal_async(
      bus_, &subscription.slot, kDestination, signal.path.c_str(), signal.interface.c_str(),
      signal.member.c_str(), &HandleSignal, nullptr, &subscription);
  return error < 0 ? Unreachable(absl::StrCat("cannot listen for ", signal.member), -error)
                   : absl::OkStatus();
}

int BusClient::HandleReply(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto* pending = static_cast<Pending*>(data);
  auto found = pending->client->calls_.find(pending->id);
  if (found == pending->client->calls_.end()) return 0;
  OnReply on_reply = std::move(found->second);
  pending->client->calls_.erase(found);
  const sd_bus_error* error = sd_bus_message_get_error(reply);
  if (error != nullptr) {
    on_reply(BusErrorToStatus(error->name, error->message == nullptr ? "" : error->message));
  } else {
    on_reply(reply);
  }
  return 0;
}

int BusClient::HandleSignal(sd_bus_message* signal, void* data, sd_bus_error*) {
  static_cast<Subscription*>(data)->on_signal(signal);
  return 0;
}

}  // namespace gitops
