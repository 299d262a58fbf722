#ifndef GITOPS_COMMON_RPC_WATCH_STREAM_H_
#define GITOPS_COMMON_RPC_WATCH_STREAM_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"
#include "common/rpc/watches.h"

namespace gitops {

inline constexpr char kResumePrefix[] = "revision:";

// A watch of the store resumes after this revision.
inline std::string ResumeToken(int64_t revision) { return absl::StrCat(kResumePrefix, revision); }

// 0: no token. INVALID_ARGUMENT: not a token of these watches.
inline absl::StatusOr<int64_t> ReadResumeToken(absl::string_view token) {
  int64_t revision = 0;
  if (token.empty()) return revision;
  if (absl::ConsumePrefix(&token, kResumePrefix) && absl::SimpleAtoi(token, &revision) &&
      revision > 0) {
    return revision;
  }
  return InvalidField("resume_token", "resume_token is not one that this method gave out");
}

// Sends the answers of one watch in batches. The last answer of a batch carries the token from
// which a client can resume, so one answer is always held back. All methods: CANCELLED: the client
// is gone. One thread.
template <typename Response>
class WatchStream {
 public:
  // `more`: another answer follows at once. False: the client is gone.
  using Write = std::function<bool(const Response&, bool more)>;

  explicit WatchStream(Write write) : write_(std::move(write)) {}

  // Whether the first answer says that the client's resume point is not known.
  void set_restarted(bool restarted) { restarted_ = restarted; }

  // Starts a watch of the store with `watch`: after the revision of `token` if the store still has
  // the changes since then, else (OUT_OF_RANGE, or no token) after `now`, the current revision.
  // Returns that revision. Errors as ReadResumeToken and `watch`.
  absl::StatusOr<int64_t> Start(absl::string_view token, const absl::StatusOr<int64_t>& now,
                                const std::function<absl::Status(int64_t after)>& watch) {
    const absl::StatusOr<int64_t> since = ReadResumeToken(token);
    if (!since.ok() || !now.ok()) return since.ok() ? now : since;
    // A revision in the future is one of another store, or of this one before it was restored.
    if (*since > 0 && *since <= *now) {
      const absl::Status watched = watch(*since);
      resumed_ = watched.ok();
      if (resumed_) return since;
      if (!absl::IsOutOfRange(watched)) return watched;
    }
    restarted_ = *since > 0;
    if (absl::Status watched = watch(*now); !watched.ok()) return watched;
    return now;
  }
  // Whether Start() began at the token, so that the client knows what came before.
  bool resumed() const { return resumed_; }

  absl::Status Send(Response response) {
    response.set_restarted(std::exchange(restarted_, false));
    const std::optional<Response> before = std::exchange(held_, std::optional(std::move(response)));
    return before.has_value() ? WriteOne(*before, /*more=*/true) : absl::OkStatus();
  }

  // Ends a batch. The end of the initial one is always told, if need be in an answer of its own.
  absl::Status EndBatch(const std::string& resume_token, bool initial = false) {
    if (initial && !held_.has_value()) (void)Send(Response());
    if (!held_.has_value()) return absl::OkStatus();
    Response last = *std::exchange(held_, std::nullopt);
    last.set_initial_done(initial);
    last.set_resume_token(resume_token);
    return WriteOne(last, /*more=*/false);
  }

 private:
  absl::Status WriteOne(const Response& response, bool more) const {
    return write_(response, more) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
  }

  const Write write_;
  bool restarted_ = false;
  bool resumed_ = false;
  std::optional<Response> held_;
};

// Runs a watch: starts to gather changes, sends what there is, then each change until the watch is
// done or `cancelled`. UNAVAILABLE: `changes` was closed. Others as the watch's methods.
template <typename Watch, typename Key>
absl::Status Follow(Watch& watch, Changes<Key>& changes, const std::function<bool()>& cancelled) {
  const absl::StatusOr<int64_t> begin = watch.Start(changes);
  if (!begin.ok()) return begin.status();
  int64_t revision = *begin;
  absl::Status told = watch.TellAll(revision);
  changes.Told();
  while (told.ok() && !watch.done() && !cancelled()) {
    const std::set<Key> changed = changes.Next(&revision);
    told = watch.TellChanges(changed, revision);
    if (!watch.done() && changes.closed()) {
      return MakeError(Reason::kServerStopping,
                       "the server is stopping; watch again when it is back");
    }
  }
  if (!told.ok() || watch.done()) return told;
  return absl::CancelledError("the watcher is gone");
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_WATCH_STREAM_H_
