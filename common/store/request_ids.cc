#include "common/store/request_ids.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <openssl/sha.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxId = 100;
constexpr size_t kMaxExpiredAtOnce = 1000;
constexpr std::chrono::milliseconds kAskEvery(200);

std::string Sha256(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

const FieldDescriptor* IdField(const Message& request) {
  return request.GetDescriptor()->FindFieldByName("request_id");
}

// Of everything but the id. Equal messages must give equal bytes, so maps are sorted.
std::string ContentHash(const Message& request) {
  const std::unique_ptr<Message> content(request.New());
  content->CopyFrom(request);
  content->GetReflection()->ClearField(content.get(), IdField(request));
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    content->SerializeToCodedStream(&coded);
  }
  return Sha256(bytes);
}

std::string NameOf(const std::string& caller, const Message& request, const std::string& id) {
  // Lengths keep apart what would run into each other.
  const std::string& method = request.GetDescriptor()->full_name();
  return absl::BytesToHexString(Sha256(absl::StrCat(caller.size(), ":", caller, method, ":", id)));
}

}  // namespace

RequestIds::Claim::Claim(RequestIds* ids, std::string name, std::string content_hash)
    : ids_(ids), name_(std::move(name)), content_hash_(std::move(content_hash)) {}

RequestIds::Claim::~Claim() {
  if (name_.empty()) return;
  MutexLock lock(ids_->mutex_);
  ids_->in_flight_.erase(name_);
  ids_->changed_.NotifyAll();
}

std::vector<StoreWrite> RequestIds::Claim::Record(const std::string& resource) {
  if (name_.empty()) return {};
  made_ = resource;
  time_ = ids_->clock_->Now();
  record::v1::RequestEntry entry;
  entry.set_content_hash(content_hash_);
  entry.set_resource(resource);
  *entry.mutable_create_time() = ToTimestamp(time_);
  return {ids_->entries_.Put(name_, entry)};
}

void RequestIds::Claim::Stored() {
  if (name_.empty()) return;
  MutexLock lock(ids_->mutex_);
  ids_->Remember(name_, {.content_hash = content_hash_, .resource = made_, .time = time_});
}

absl::StatusOr<std::unique_ptr<RequestIds::Claim>> RequestIds::Enter(
    const std::string& caller, const Message& request, const std::function<bool()>& give_up) {
  const std::string id = request.GetReflection()->GetString(request, IdField(request));
  if (id.empty()) return std::unique_ptr<Claim>(new Claim(this, "", ""));
  if (id.size() > kMaxId) {
    return InvalidField("request_id", absl::StrCat("request_id has ", id.size(), " bytes; at most ",
                                                   kMaxId, " are taken"));
  }
  const std::string name = NameOf(caller, request, id);
  std::string hash = ContentHash(request);
  MutexLock lock(mutex_);
  if (absl::Status read = ReadAll(); !read.ok()) return read;
  while (in_flight_.contains(name)) {
    if (give_up && give_up()) return absl::CancelledError("the caller is gone");
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kAskEvery);
  }
  Expire();
  const auto found = known_.find(name);
  std::string made;
  if (found != known_.end()) {
    if (found->second.content_hash != hash) {
      return MakeError(
          Reason::kRequestIdReused,
          absl::StrCat("request_id \"", absl::Utf8SafeCHexEscape(id),
                       "\" was used for another request; use a new id for a new request"));
    }
    made = found->second.resource;
  } else if (known_.size() + in_flight_.size() >= limits_.count) {
    return MakeError(Reason::kTooManyRequestIds,
                     absl::StrCat("this server keeps ", limits_.count, " request ids of the last ",
                                  absl::FormatDuration(limits_.life),
                                  " already; leave request_id out, or try again later"));
  }
  in_flight_.insert(name);
  std::unique_ptr<Claim> claim(new Claim(this, name, std::move(hash)));
  claim->made_ = std::move(made);
  return claim;
}

absl::Status RequestIds::ReadAll() {
  if (read_) return absl::OkStatus();
  std::unordered_map<std::string, Known> known;
  const absl::Status listed =
      entries_.ForEach("", "", [&](Table<record::v1::RequestEntry>::Row& row) {
        if (row.message.ok()) {
          known[row.name] = {.content_hash = row.message->content_hash(),
                             .resource = row.message->resource(),
                             .time = FromTimestamp(row.message->create_time())};
        } else {
          LogWarning("a stored request id cannot be read; its call can be repeated",
                     {{"error", std::string(row.message.status().message())}});
        }
        return true;
      });
  if (!listed.ok()) return listed;
  known_ = std::move(known);
  for (const auto& [name, one] : known_) order_.emplace_back(one.time, name);
  std::sort(order_.begin(), order_.end());
  read_ = true;
  return absl::OkStatus();
}

void RequestIds::Expire() {
  const absl::Time before = clock_->Now() - limits_.life;
  std::vector<StoreWrite> deletions;
  while (!order_.empty() && order_.front().first <= before &&
         deletions.size() < kMaxExpiredAtOnce) {
    const auto [time, name] = std::move(order_.front());
    order_.pop_front();
    const auto known = known_.find(name);
    if (known == known_.end() || known->second.time != time) continue;
    known_.erase(known);
    deletions.push_back(entries_.Delete(name));
  }
  if (deletions.empty()) return;
  if (absl::Status deleted = store_->Write(deletions).status(); !deleted.ok()) {
    // They are read and expire again at the next start.
    LogWarning("cannot delete expired request ids", {{"error", std::string(deleted.message())}});
  }
}

void RequestIds::Remember(const std::string& name, Known known) {
  order_.emplace_back(known.time, name);
  known_[name] = std::move(known);
}

}  // namespace gitops
