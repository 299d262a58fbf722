#ifndef GITOPS_COMMON_HTTP_EVENT_LOOP_H_
#define GITOPS_COMMON_HTTP_EVENT_LOOP_H_

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "common/http/server.h"

namespace gitops {

// One event thread of a server, with its connections. All their coroutines run on this thread:
// Clang 16 may keep the address of a thread-local variable over a suspension, and Asio has such
// variables.
class HttpEventLoop {
 public:
  // What a connection waits for. Each kind has one timeout, so its connections are in the order of
  // their deadlines.
  enum Wait { kRequest, kHeader, kBody, kWrite, kLinger, kHandler };
  static constexpr size_t kWaits = kHandler + 1;  // kHandler has no timeout

  class Connection;
  using Connections = std::list<Connection*>;

  // The loop's view of a connection. Its methods are called on the loop's thread.
  class Connection {
   public:
    virtual ~Connection() = default;
    // Ends it without an answer.
    virtual void Close() = 0;
    // Its wait has timed out.
    virtual void TimeOut() = 0;
    // The server stops: ends the connection if it is between requests, else after the current
    // request.
    virtual void Drain() = 0;

   private:
    friend class HttpEventLoop;
    bool listed_ = false;
    Connections::iterator place_;
    Wait wait_ = kRequest;
    std::chrono::steady_clock::time_point deadline_;
  };

  // `on_empty` is called on the loop's thread when the last connection has ended.
  HttpEventLoop(const HttpServerOptions& options, size_t max_connections,
                std::function<void()> on_empty);
  ~HttpEventLoop() { Stop(); }

  void Run(const std::string& thread_name);
  // Ends the thread.
  void Stop();
  boost::asio::io_context& context() { return context_; }

  // Reserves a place for a connection. Returns false if the loop is full of connections that cannot
  // be closed for a new one. Thread-safe.
  bool Reserve();
  void Unreserve() { --busy_; }

  // Uses a reserved place; closes another connection for it if needed. Called on the loop's thread,
  // like all following methods unless they say otherwise.
  void Add(Connection& connection);
  // These two do nothing if the connection is not there.
  void Remove(Connection& connection);
  void Enter(Connection& connection, Wait wait);

  // Closes the connection that has waited longest for its client. Returns false if there is none.
  bool Evict();
  void Drain();
  void CloseAll();
  bool draining() const { return draining_; }
  // The time of the Date header.
  const std::string& date();

  // The number of connections. Thread-safe.
  size_t size() const { return size_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Arm(TimePoint deadline);
  void Sweep();
  bool CanBeEvicted(Wait wait) const { return wait <= last_evicted_; }
  template <typename Function>
  void ForEach(const Function& function);

  const size_t max_connections_;
  const Wait last_evicted_;  // connections in this and earlier waits can be closed for new ones
  const std::function<void()> on_empty_;
  const std::array<std::chrono::steady_clock::duration, kWaits> timeouts_;
  std::array<Connections, kWaits> waits_;  // outlives the connections, which the context holds
  std::atomic<size_t> size_ = 0;
  std::atomic<size_t> busy_ = 0;  // those that cannot be evicted, and reserved places
  bool draining_ = false;
  int64_t date_second_ = 0;
  std::string date_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer sweep_{context_};
  TimePoint armed_ = TimePoint::max();
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_EVENT_LOOP_H_
