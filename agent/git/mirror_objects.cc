#include "agent/git/mirror_objects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/git/stop_event.h"

namespace gitops {
namespace {

// git holds commits and trees in memory. No honest one is larger.
constexpr int64_t kMaxCommit = 1 << 20;
constexpr int64_t kMaxTree = 16 << 20;
// Of one request for trees, where sizes allow it.
constexpr int64_t kMaxBatch = 16 << 20;
constexpr size_t kMaxCachedBytes = 2 << 20;
constexpr size_t kMaxCachedObject = 256 << 10;

// Hands over whole objects. `visit` must outlive it.
class WholeObjects final : public ObjectSink {
 public:
  WholeObjects(std::vector<ObjectInfo> expected,
               absl::FunctionRef<absl::Status(size_t index, std::string content)> visit)
      : expected_(std::move(expected)), visit_(visit) {}

  absl::Status Begin(const ObjectInfo& info) override {
    if (info == expected_[next_]) return absl::OkStatus();
    return absl::DataLossError("git cat-file gives an object another type or size than before");
  }
  absl::Status Data(absl::string_view piece) override {
    content_.append(piece.data(), piece.size());
    return absl::OkStatus();
  }
  absl::Status End() override { return visit_(next_++, std::exchange(content_, {})); }

 private:
  const std::vector<ObjectInfo> expected_;
  const absl::FunctionRef<absl::Status(size_t index, std::string content)> visit_;
  size_t next_ = 0;
  std::string content_;
};

absl::Status CheckSmall(const std::string& id, const ObjectInfo& info, absl::string_view type,
                        int64_t max_size) {
  if (info.type.empty()) return absl::DataLossError(absl::StrCat("the mirror lacks object ", id));
  if (info.type != type) {
    return absl::FailedPreconditionError(absl::StrCat("it is refused: it uses object ", id,
                                                      " as a ", type, ", which is a ", info.type));
  }
  if (info.size <= max_size) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("it is refused: its ", type, " ", id, " has ",
                                                    info.size, " bytes, and the limit is ",
                                                    max_size));
}

}  // namespace

MirrorObjects::MirrorObjects(UpstreamGit* git, Timeouts timeouts)
    : git_(git), timeouts_(timeouts), readers_([this] { return StartReader(); }, timeouts.idle) {}

absl::StatusOr<std::unique_ptr<ObjectReader>> MirrorObjects::StartReader() {
  const auto account = git_->Prepare(GitReach::kLocal);
  if (!account.ok()) return account.status();
  auto git =
      git_->Converse(git_->InRepository(*account, {"cat-file", "--batch-command", "--buffer"}));
  if (!git.ok()) return git.status();
  return std::make_unique<ObjectReader>(*std::move(git));
}

absl::Status MirrorObjects::With(const std::stop_token& stop,
                                 absl::FunctionRef<absl::Status(ObjectReader&, int cancel)> use) {
  const StopEvent event(stop);
  if (!event.status().ok()) return event.status();
  std::optional<CommandResult> ending;
  const absl::Status status = readers_.With(stop, [&](ObjectReader& reader) {
    return git_->Counted("cat-file", [&] {
      const absl::Status used = use(reader, event.descriptor());
      ending = reader.ending();
      return used;
    });
  });
  // That git could not be run, or a file not be written, says nothing about the mirror.
  if (absl::IsNotFound(status) || absl::IsInternal(status)) {
    return absl::UnavailableError(status.message());
  }
  if (!absl::IsAborted(status) || !ending.has_value()) return status;
  return git_->Explain(absl::StrCat("reading the mirror of ", git_->name()), *ending,
                       GitReach::kLocal);
}

absl::StatusOr<std::vector<ObjectInfo>> MirrorObjects::Info(const std::vector<std::string>& ids,
                                                            const std::stop_token& stop) {
  std::vector<ObjectInfo> infos;
  const absl::Status status = With(stop, [&](ObjectReader& reader, int cancel) {
    auto read = reader.Info(ids, timeouts_.request, cancel);
    if (read.ok()) infos = *std::move(read);
    return read.status();
  });
  if (!status.ok()) return status;
  return infos;
}

absl::StatusOr<std::string> MirrorObjects::TreeOf(const std::string& commit,
                                                  const std::stop_token& stop) {
  absl::StatusOr<std::string> tree;
  const absl::Status status = ReadSmall(
      "commit", kMaxCommit, {commit},
      [&](size_t, absl::string_view content) {
        tree = TreeOfCommit(content, commit.size());
        return tree.status();
      },
      stop);
  if (!status.ok()) return status;
  return tree;
}

absl::StatusOr<CommitInfo> MirrorObjects::Commit(const std::string& commit,
                                                 const std::stop_token& stop) {
  CommitInfo info;
  const absl::Status status = ReadSmall(
      "commit", kMaxCommit, {commit},
      [&](size_t, absl::string_view content) {
        info = ParseCommit(commit, content);
        return absl::OkStatus();
      },
      stop);
  if (!status.ok()) return status;
  return info;
}

absl::Status MirrorObjects::Trees(const std::vector<std::string>& ids, VisitTree visit,
                                  const std::stop_token& stop) {
  return ReadSmall("tree", kMaxTree, ids, visit, stop);
}

absl::Status MirrorObjects::ReadSmall(absl::string_view type, int64_t max_size,
                                      const std::vector<std::string>& ids, VisitTree visit,
                                      const std::stop_token& stop) {
  std::vector<size_t> unread;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Content content = Cached(absl::StrCat(type, ids[i]));
    if (content == nullptr) {
      unread.push_back(i);
    } else if (auto status = visit(i, *content); !status.ok()) {
      return status;
    }
  }
  if (unread.empty()) return absl::OkStatus();
  std::vector<std::string> wanted;
  for (const size_t i : unread) wanted.push_back(ids[i]);
  const auto infos = Info(wanted, stop);
  if (!infos.ok()) return infos.status();
  for (size_t begin = 0; begin < wanted.size();) {
    size_t end = begin;
    for (int64_t bytes = 0; end < wanted.size() && (end == begin || bytes < kMaxBatch); ++end) {
      if (auto status = CheckSmall(wanted[end], (*infos)[end], type, max_size); !status.ok()) {
        return status;
      }
      bytes += (*infos)[end].size;
    }
    // A reader that ended before it wrote is asked again, so nothing is handed over twice.
    const std::vector<std::string> batch(wanted.begin() + static_cast<ptrdiff_t>(begin),
                                         wanted.begin() + static_cast<ptrdiff_t>(end));
    const absl::Status status = With(stop, [&](ObjectReader& reader, int cancel) {
      const auto visit_one = [&](size_t index, std::string content) {
        const absl::Status visited = visit(unread[begin + index], content);
        Cache(absl::StrCat(type, batch[index]), std::move(content));
        return visited;
      };
      WholeObjects objects({infos->begin() + static_cast<ptrdiff_t>(begin),
                            infos->begin() + static_cast<ptrdiff_t>(end)},
                           visit_one);
      return reader.Contents(batch, &objects, timeouts_.request, cancel);
    });
    if (!status.ok()) return status;
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status MirrorObjects::Blobs(const std::vector<std::string>& ids, ObjectSink* sink,
                                  const std::stop_token& stop) {
  return With(stop, [&](ObjectReader& reader, int cancel) {
    return reader.Contents(ids, sink, timeouts_.files, cancel);
  });
}

MirrorObjects::Content MirrorObjects::Cached(const std::string& id) {
  MutexLock lock(cache_mutex_);
  const auto it = cache_.find(id);
  return it == cache_.end() ? nullptr : it->second;
}

void MirrorObjects::Cache(const std::string& id, std::string content) {
  if (content.size() > kMaxCachedObject) return;
  MutexLock lock(cache_mutex_);
  if (cache_bytes_ + content.size() > kMaxCachedBytes) {
    cache_.clear();
    cache_bytes_ = 0;
  }
  cache_bytes_ += content.size();
  cache_[id] = std::make_shared<const std::string>(std::move(content));
}

}  // namespace gitops
