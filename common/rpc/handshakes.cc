#include "common/rpc/handshakes.h"

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/log/log.h"

namespace gitops {
namespace {

constexpr absl::Duration kLogEvery = absl::Seconds(10);

std::atomic<int64_t> failed = 0;
std::atomic<int64_t> next_line = 0;  // microseconds since 1970

}  // namespace

void NoteFailedHandshake(absl::string_view reason) {
  const int64_t count = ++failed;
  const int64_t now = absl::GetCurrentTimeNanos() / 1000;
  int64_t due = next_line;
  if (now < due) return;
  if (!next_line.compare_exchange_strong(due, now + absl::ToInt64Microseconds(kLogEvery))) return;
  LogInfo("a TLS handshake failed",
          {{"reason", std::string(reason)}, {"failed", absl::StrCat(count)}});
}

int64_t FailedHandshakes() { return failed; }

}  // namespace gitops
