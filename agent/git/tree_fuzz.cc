// What is read of a commit, of a tree and of git's answers holds whatever they contain.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/git/object_stream.h"
#include "agent/git/tree.h"
#include "common/git/object_hash.h"
#include "common/git/refs.h"

namespace {

using namespace gitops;  // NOLINT: a file of its own

void Expect(bool holds) {
  if (!holds) std::abort();
}

// Trusts nothing that it is given before it is told that it was right.
class Judge final : public ObjectSink {
 public:
  explicit Judge(std::string id) : id_(std::move(id)) {}
  absl::Status Begin(const ObjectInfo& info) override {
    info_ = info;
    return absl::OkStatus();
  }
  absl::Status Data(absl::string_view piece) override {
    content_.append(piece.data(), piece.size());
    return absl::OkStatus();
  }
  absl::Status End() override {
    Expect(info_.size == static_cast<int64_t>(content_.size()));
    ObjectHash hash(info_.type, info_.size, id_.size());
    hash.Update(content_);
    Expect(hash.Finish() == id_);
    return absl::OkStatus();
  }

 private:
  const std::string id_;
  ObjectInfo info_;
  std::string content_;
};

void CheckAnswer(absl::string_view text, const std::string& id) {
  const std::vector<std::string> ids = {id};
  Judge judge(id);
  ContentStream whole(ids, &judge);
  const auto complete = whole.Add(text);
  Expect(complete.ok() || absl::IsDataLoss(complete.status()));
  InfoStream infos(ids);
  const auto told = infos.Add(text);
  if (told.ok() && *told) Expect(infos.Take().size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  for (const size_t id_length : {40, 64}) {
    size_t seen = 0;
    const absl::Status status =
        ForEachEntry(text, id_length, [&](uint32_t mode, absl::string_view name, std::string id) {
          Expect(mode <= 07777777 && !name.empty() && name.find('\0') == name.npos);
          Expect(IsObjectId(id) && id.size() == id_length);
          seen += name.size() + id.size() / 2 + 3;
          return absl::OkStatus();
        });
    Expect(seen <= size);
    Expect(status.ok() || absl::IsFailedPrecondition(status));
    const auto tree = TreeOfCommit(text, id_length);
    if (tree.ok()) Expect(tree->size() == id_length && IsObjectId(*tree));
    // The object that the text itself is, so that a right answer is reached too.
    ObjectHash hash("blob", static_cast<int64_t>(size), id_length);
    hash.Update(text);
    const std::string id = hash.Finish();
    CheckAnswer(text, id);
    CheckAnswer(id + " blob " + std::to_string(size) + "\n" + std::string(text) + "\n", id);
  }
  return 0;
}
