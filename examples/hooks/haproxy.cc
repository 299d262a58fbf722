#include "examples/hooks/haproxy.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace gitops::examples {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

constexpr std::chrono::milliseconds kLook{100};
// Columns of `show stat`.
constexpr size_t kProxy = 0, kServer = 1, kSessions = 4;

// One command of the runtime API, which closes the connection after its answer.
absl::StatusOr<std::string> Ask(const HaproxyOptions& haproxy, const std::string& command) {
  asio::io_context context;
  Local::socket socket(context);
  boost::system::error_code error;
  std::string answer;
  socket.connect(Local::endpoint(haproxy.socket), error);
  if (!error) asio::write(socket, asio::buffer(absl::StrCat(command, "\n")), error);
  if (!error) asio::read(socket, asio::dynamic_buffer(answer), error);
  if (error && error != asio::error::eof) {
    return absl::UnavailableError(
        absl::StrCat("cannot ask HAProxy at ", haproxy.socket, ": ", error.message()));
  }
  return answer;
}

absl::Status SetState(const HaproxyOptions& haproxy, const std::string& host,
                      absl::string_view state) {
  const absl::StatusOr<std::string> answer =
      Ask(haproxy, absl::StrCat("set server ", haproxy.backend, "/", host, " state ", state));
  if (!answer.ok()) return answer.status();
  // HAProxy answers nothing if the command succeeded.
  const absl::string_view said = absl::StripAsciiWhitespace(*answer);
  if (said.empty()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("HAProxy cannot set ", haproxy.backend, "/", host, " to ", state, ": ", said));
}

absl::StatusOr<int> OpenSessions(const HaproxyOptions& haproxy, const std::string& host) {
  // Gets the statistics of all proxies: a backend cannot be selected by name if a frontend has the
  // same name.
  const absl::StatusOr<std::string> table = Ask(haproxy, "show stat");
  if (!table.ok()) return table.status();
  for (absl::string_view line : absl::StrSplit(*table, '\n')) {
    const std::vector<absl::string_view> columns = absl::StrSplit(line, ',');
    int sessions = 0;
    if (columns.size() > kSessions && columns[kProxy] == haproxy.backend &&
        columns[kServer] == host && absl::SimpleAtoi(columns[kSessions], &sessions)) {
      return sessions;
    }
  }
  return absl::UnavailableError(absl::StrCat("HAProxy has no server ", haproxy.backend, "/", host));
}

absl::Status Drain(const HaproxyOptions& haproxy, const std::string& host) {
  if (absl::Status status = SetState(haproxy, host, "drain"); !status.ok()) return status;
  const absl::Time deadline = absl::Now() + haproxy.drain_timeout;
  asio::io_context context;
  asio::steady_timer pause(context);
  for (;;) {
    const absl::StatusOr<int> sessions = OpenSessions(haproxy, host);
    if (!sessions.ok()) return sessions.status();
    if (*sessions == 0) return absl::OkStatus();
    if (absl::Now() >= deadline) {
      (void)SetState(haproxy, host, "ready");
      return absl::DeadlineExceededError(
          absl::StrCat(host, " still has ", *sessions, " sessions after ",
                       absl::FormatDuration(haproxy.drain_timeout), "; it gets traffic again"));
    }
    pause.expires_after(kLook);
    pause.wait();
  }
}

}  // namespace

Hook DrainHook(HaproxyOptions options) {
  return [haproxy = std::move(options)](
             const HookRequest& request) -> absl::StatusOr<std::vector<HostActions>> {
    for (const HostActions& host : request.hosts) {
      if (absl::Status good = CheckHostName(host.host); !good.ok()) return good;
      absl::Status done;
      if (request.point.starts_with("pre-")) {
        done = Drain(haproxy, host.host);
      } else if (request.result == "skipped" ||
                 (request.point == "post-healthchecks" && request.result == "ok")) {
        done = SetState(haproxy, host.host, "ready");
      }
      if (!done.ok()) return done;
    }
    return request.hosts;
  };
}

}  // namespace gitops::examples
