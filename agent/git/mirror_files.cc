#include "agent/git/mirror_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/git/checkout.h"

namespace gitops {
namespace {

constexpr int64_t kMaxFetchedForDiff = 64 << 20;

// Keeps blobs, each of at most `most` bytes.
class BlobTexts final : public ObjectSink {
 public:
  BlobTexts(const std::vector<std::string>& ids, int64_t most) : ids_(ids), most_(most) {}

  absl::Status Begin(const ObjectInfo& info) override {
    content_.clear();
    if (next_ < ids_.size() && info.size <= most_) return absl::OkStatus();
    return absl::DataLossError("git cat-file gives an object another size than before");
  }
  absl::Status Data(absl::string_view piece) override {
    absl::StrAppend(&content_, piece);
    return absl::OkStatus();
  }
  absl::Status End() override {
    texts_[ids_[next_++]] = std::exchange(content_, {});
    return absl::OkStatus();
  }
  std::map<std::string, std::string> Take() { return std::move(texts_); }

 private:
  const std::vector<std::string>& ids_;
  const int64_t most_;
  size_t next_ = 0;
  std::string content_;
  std::map<std::string, std::string> texts_;
};

// Subtracts the sizes of `entries`, and adds those that the mirror does not have to `missing`.
absl::Status CountFiles(GitMirror& mirror, const std::vector<TreeEntry>& entries,
                        int64_t* bytes_left, std::vector<TreeEntry>* missing,
                        const std::stop_token& stop) {
  const auto infos = mirror.Info(OidsOf(entries), stop);
  if (!infos.ok()) return OfMirror(infos.status());
  for (size_t i = 0; i < entries.size(); ++i) {
    const ObjectInfo& info = (*infos)[i];
    if (info.type.empty()) {
      missing->push_back(entries[i]);
    } else if (info.type != "blob") {
      return RefuseType(entries[i], info.type);
    } else if (info.size > *bytes_left) {
      return RefuseTooLarge(entries[i].path, info.size);
    } else {
      *bytes_left -= info.size;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status OfMirror(const absl::Status& status) {
  const bool damage = absl::IsInternal(status) || absl::IsNotFound(status);
  return damage ? absl::DataLossError(status.message()) : status;
}

std::vector<std::string> OidsOf(const std::vector<TreeEntry>& entries) {
  std::vector<std::string> oids;
  oids.reserve(entries.size());
  for (const TreeEntry& entry : entries) oids.push_back(entry.oid);
  return oids;
}

absl::Status FetchFiles(GitMirror& mirror, const std::vector<TreeEntry>& entries, int64_t max_bytes,
                        const std::stop_token& stop) {
  int64_t bytes_left = max_bytes;
  std::vector<TreeEntry> missing;
  auto status = CountFiles(mirror, entries, &bytes_left, &missing, stop);
  if (!status.ok() || missing.empty()) return status;
  status = mirror.FetchBlobs(OidsOf(missing), bytes_left, stop);
  std::vector<TreeEntry> still_missing;
  if (status.ok()) status = CountFiles(mirror, missing, &bytes_left, &still_missing, stop);
  if (!status.ok() || still_missing.empty()) return status;
  return absl::DataLossError("the mirror lacks files that the upstream claims to have sent");
}

absl::StatusOr<std::map<std::string, std::string>> ReadTexts(GitMirror& mirror,
                                                             const std::set<std::string>& ids,
                                                             int64_t most_each, int64_t most_all,
                                                             const std::stop_token& stop) {
  const std::vector<std::string> asked(ids.begin(), ids.end());
  auto infos = mirror.Info(asked, stop);
  if (!infos.ok()) return infos.status();
  std::vector<std::string> missing;
  for (size_t i = 0; i < asked.size(); ++i) {
    if ((*infos)[i].type.empty()) missing.push_back(asked[i]);
  }
  if (!missing.empty()) {
    if (auto status = mirror.FetchBlobs(missing, kMaxFetchedForDiff, stop); !status.ok()) {
      return status;
    }
    infos = mirror.Info(asked, stop);
    if (!infos.ok()) return infos.status();
  }
  std::vector<std::string> wanted;
  for (size_t i = 0; i < asked.size(); ++i) {
    const ObjectInfo& info = (*infos)[i];
    if (info.type != "blob" || info.size > most_each || info.size > most_all) continue;
    most_all -= info.size;
    wanted.push_back(asked[i]);
  }
  BlobTexts texts(wanted, most_each);
  if (auto status = mirror.ReadBlobs(wanted, &texts, stop); !status.ok()) return status;
  return texts.Take();
}

}  // namespace gitops
