#include "common/http/event_loop.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLingerTimeout{2};

steady_clock::duration ToChrono(absl::Duration duration) {
  return absl::ToChronoMilliseconds(duration);
}

}  // namespace

HttpEventLoop::HttpEventLoop(const HttpServerOptions& options, size_t max_connections,
                             std::function<void()> on_empty)
    : max_connections_(max_connections),
      last_evicted_(options.replace_slow_readers ? kWrite : kBody),
      on_empty_(std::move(on_empty)),
      timeouts_{ToChrono(options.idle_timeout),
                ToChrono(options.read_timeout),
                ToChrono(options.read_timeout),
                ToChrono(options.write_timeout),
                kLingerTimeout,
                steady_clock::duration::zero()} {}

void HttpEventLoop::Stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void HttpEventLoop::Run(const std::string& thread_name) {
  thread_ = std::thread([this, thread_name] {
    pthread_setname_np(pthread_self(), thread_name.c_str());
    const auto work = boost::asio::make_work_guard(context_);
    while (!context_.stopped()) {
      try {
        context_.run();
      } catch (const std::exception&) {
        // A connection that throws (out of memory) ends without affecting others.
      }
    }
  });
}

bool HttpEventLoop::Reserve() {
  if (busy_.fetch_add(1) < max_connections_) return true;
  --busy_;
  return false;
}

void HttpEventLoop::Add(Connection& connection) {
  if (size_ >= max_connections_) Evict();
  ++size_;
  connection.listed_ = true;
  connection.wait_ = kHandler;  // which counts as busy, like the reserved place
  connection.place_ = waits_[kHandler].insert(waits_[kHandler].end(), &connection);
  Enter(connection, kRequest);
}

void HttpEventLoop::Remove(Connection& connection) {
  if (!std::exchange(connection.listed_, false)) return;
  waits_[connection.wait_].erase(connection.place_);
  if (!CanBeEvicted(connection.wait_)) --busy_;
  if (--size_ == 0) on_empty_();
}

void HttpEventLoop::Enter(Connection& connection, Wait wait) {
  if (!connection.listed_) return;
  if (CanBeEvicted(connection.wait_) != CanBeEvicted(wait)) busy_ += CanBeEvicted(wait) ? -1 : 1;
  Connections& to = waits_[wait];
  to.splice(to.end(), waits_[connection.wait_], connection.place_);
  connection.wait_ = wait;
  if (wait == kHandler) return;
  connection.deadline_ = steady_clock::now() + timeouts_[wait];
  if (connection.deadline_ < armed_) Arm(connection.deadline_);
}

bool HttpEventLoop::Evict() {
  for (size_t wait = kRequest; wait <= last_evicted_; ++wait) {
    if (waits_[wait].empty()) continue;
    waits_[wait].front()->Close();
    return true;
  }
  return false;
}

void HttpEventLoop::Drain() {
  draining_ = true;
  ForEach([](Connection& connection) { connection.Drain(); });
}

void HttpEventLoop::CloseAll() {
  ForEach([](Connection& connection) { connection.Close(); });
}

const std::string& HttpEventLoop::date() {
  const absl::Time now = absl::Now();
  if (const int64_t second = absl::ToUnixSeconds(now); second != date_second_) {
    date_second_ = second;
    date_ = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
  }
  return date_;
}

void HttpEventLoop::Arm(TimePoint deadline) {
  armed_ = deadline;
  sweep_.expires_at(deadline);
  sweep_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Sweep();
  });
}

void HttpEventLoop::Sweep() {
  const TimePoint now = steady_clock::now();
  TimePoint next = TimePoint::max();
  for (size_t wait = 0; wait < kHandler; ++wait) {
    Connections& connections = waits_[wait];
    while (!connections.empty() && connections.front()->deadline_ <= now) {
      Connection& late = *connections.front();
      Enter(late, kHandler);  // waits for its coroutine
      late.TimeOut();
    }
    if (!connections.empty()) next = std::min(next, connections.front()->deadline_);
  }
  armed_ = TimePoint::max();
  if (next != TimePoint::max()) Arm(next);
}

// `function` may remove the connection.
template <typename Function>
void HttpEventLoop::ForEach(const Function& function) {
  std::vector<Connection*> all;
  for (const Connections& connections : waits_) {
    all.insert(all.end(), connections.begin(), connections.end());
  }
  for (Connection* connection : all) function(*connection);
}

}  // namespace gitops
