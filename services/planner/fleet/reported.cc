#include "services/planner/fleet/reported.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/config/fleet_check.h"
#include "common/config/ports.h"
#include "common/rpc/actor.h"
#include "common/rpc/address.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr int kMaxNames = 64;
constexpr size_t kMaxNameBytes = 4096;
constexpr int kMaxDirectories = 256;
constexpr size_t kLongText = 4096;  // reasons and paths
constexpr size_t kHashText = 64;
constexpr size_t kShortText = 1024;  // everything else

// The host part of gRPC's name of a peer; empty for a unix socket.
std::string PeerHost(absl::string_view peer) {
  if (!absl::ConsumePrefix(&peer, "ipv4:") && !absl::ConsumePrefix(&peer, "ipv6:")) return "";
  const std::string plain = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  const absl::StatusOr<Address> address = ParseAddress(plain);
  return address.ok() ? address->host : "";
}

bool IsProven(const Principal& principal) {
  return principal.authentication == Principal::Authentication::kTls;
}

// Before the name and the bytes of each service.
struct Header {
  uint32_t bytes;
  uint16_t name;
  uint8_t degraded;
  uint8_t behind;
};

struct Item {
  absl::string_view name, bytes;
  bool degraded = false;
  bool behind = false;
};

// Removes the first item of `packed` and returns it.
Item Next(absl::string_view& packed) {
  Header header;
  std::memcpy(&header, packed.data(), sizeof(header));
  packed.remove_prefix(sizeof(header));
  const Item item{packed.substr(0, header.name), packed.substr(header.name, header.bytes),
                  header.degraded != 0, header.behind != 0};
  packed.remove_prefix(header.name + header.bytes);
  return item;
}

void Append(const Item& item, std::string& packed) {
  Header header = {};
  header.bytes = static_cast<uint32_t>(item.bytes.size());
  header.name = static_cast<uint16_t>(item.name.size());
  header.degraded = item.degraded ? 1 : 0;
  header.behind = item.behind ? 1 : 0;
  packed.append(reinterpret_cast<const char*>(&header), sizeof(header));
  packed.append(item.name.data(), item.name.size());
  packed.append(item.bytes.data(), item.bytes.size());
}

bool IsDegraded(v1::ServiceState state) {
  return state == v1::SERVICE_STATE_BROKEN || state == v1::SERVICE_STATE_DIFF;
}

std::string CleanLine(absl::string_view text) {
  std::string line = CleanText(text, kShortText);
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return line;
}

void CleanCommit(v1::Commit& commit) {
  for (std::string* text :
       {commit.mutable_hash(), commit.mutable_subject(), commit.mutable_author()}) {
    *text = CleanLine(*text);
  }
}

// Most services of a host publish the newest commit of their branch, so what is told twice is kept
// once.
void Shrink(v1::Service& service) {
  if (service.has_commit() && service.has_target_commit() &&
      service.hash() == service.target_hash()) {
    service.mutable_target_commit()->Clear();
  }
  if (service.has_commit() && service.commit().hash() == service.hash()) {
    service.mutable_commit()->clear_hash();
  }
}

void Unshrink(v1::Service& service) {
  if (service.has_commit() && service.commit().hash().empty()) {
    service.mutable_commit()->set_hash(service.hash());
  }
  if (service.has_target_commit() && service.target_commit().hash().empty()) {
    *service.mutable_target_commit() = service.commit();
  }
}

}  // namespace

absl::Status CheckNames(const v1::Hello& hello) {
  if (!hello.name().empty()) {
    if (absl::Status status = CheckHostName(hello.name()); !status.ok()) {
      return InvalidField("hello.name",
                          absl::StrCat("the hello: ", CleanText(status.message(), kShortText)));
    }
  } else if (hello.names().empty()) {
    return InvalidField("hello.names",
                        "the hello names no host: give at least the host's own name");
  }
  if (hello.names_size() > kMaxNames) {
    return InvalidField("hello.names", absl::StrCat("the hello has ", hello.names_size(),
                                                    " names; a host may have ", kMaxNames));
  }
  size_t bytes = 0;
  for (const std::string& name : hello.names()) {
    bytes += name.size();
    if (absl::Status status = CheckHostName(name); !status.ok()) {
      return InvalidField("hello.names",
                          absl::StrCat("the hello: ", CleanText(status.message(), kShortText)));
    }
  }
  if (bytes > kMaxNameBytes) {
    return InvalidField("hello.names",
                        absl::StrCat("the names of the hello have ", bytes, " bytes; at most ",
                                     kMaxNameBytes, " are allowed"));
  }
  return absl::OkStatus();
}

std::string CleanText(absl::string_view text, size_t most) {
  std::string clean = text.size() > most ? ValidUtf8(text, most) : std::string(text);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) c = ' ';
  }
  return clean;
}

std::optional<v1::Service> CleanService(const v1::Service& service) {
  if (!CheckServiceName(service.service()).ok()) return std::nullopt;
  v1::Service clean = service;
  clean.clear_revisions();
  clean.clear_changes();
  clean.clear_revision_commits();
  clean.clear_failed_health();
  // Only the planner knows that.
  if (clean.sync() == v1::SYNC_STATUS_UNKNOWN) clean.clear_sync();
  if (clean.has_commit()) CleanCommit(*clean.mutable_commit());
  if (clean.has_target_commit()) CleanCommit(*clean.mutable_target_commit());
  while (clean.directories_size() > kMaxDirectories) clean.mutable_directories()->RemoveLast();
  clean.set_state_info(CleanText(clean.state_info(), kLongText));
  for (std::string* text :
       {clean.mutable_hash(), clean.mutable_target_hash(), clean.mutable_pinned_hash(),
        clean.mutable_frozen_by(), clean.mutable_freeze_reason(), clean.mutable_upstream(),
        clean.mutable_branch(), clean.mutable_user(), clean.mutable_action()}) {
    *text = CleanText(*text, kShortText);
  }
  // A principal that agrees with a clean text is clean.
  if (!MakeActor(clean.frozen_by(), clean.frozen_by_principal()).principal()) {
    clean.clear_frozen_by_principal();
  }
  for (v1::Directory& directory : *clean.mutable_directories()) {
    directory.set_local(CleanText(directory.local(), kLongText));
    directory.set_link(CleanText(directory.link(), kLongText));
  }
  return clean;
}

v1::ConfigStatus CleanConfig(const v1::ConfigStatus& config) {
  v1::ConfigStatus clean = config;
  for (std::string* hash :
       {clean.mutable_hash(), clean.mutable_services_hash(), clean.mutable_host_hash()}) {
    *hash = CleanText(*hash, kHashText);
  }
  clean.set_fault(CleanText(clean.fault(), kLongText));
  return clean;
}

PackedService Pack(v1::Service service) {
  service.clear_host();
  service.clear_service();
  Shrink(service);
  return {.bytes = service.SerializeAsString(),
          .degraded = IsDegraded(service.state()),
          .behind = service.sync() == v1::SYNC_STATUS_BEHIND};
}

size_t PackedBytes(const PackedServices& services) {
  size_t bytes = 0;
  for (const auto& [name, service] : services) {
    bytes += sizeof(Header) + name.size() + service.bytes.size();
  }
  return bytes;
}

ReportedServices ReportedServices::With(const PackedServices& put,
                                        const std::set<std::string>& removed) const {
  if (put.empty() && removed.empty()) return *this;
  ReportedServices with;
  std::string packed;
  packed.reserve(bytes());
  const auto add = [&](const Item& item) {
    Append(item, packed);
    ++with.size_;
    with.degraded_ += item.degraded ? 1 : 0;
    with.behind_ += item.behind ? 1 : 0;
  };
  auto next = put.begin();
  const auto add_next = [&] {
    add({next->first, next->second.bytes, next->second.degraded, next->second.behind});
    ++next;
  };
  absl::string_view rest = packed_ == nullptr ? absl::string_view() : *packed_;
  while (!rest.empty()) {
    const Item item = Next(rest);
    while (next != put.end() && next->first < item.name) add_next();
    const bool replaced = next != put.end() && next->first == item.name;
    if (!replaced && !removed.contains(std::string(item.name))) add(item);
  }
  while (next != put.end()) add_next();
  packed.shrink_to_fit();
  if (!packed.empty()) with.packed_ = std::make_shared<const std::string>(std::move(packed));
  return with == *this ? *this : with;
}

ReportedServices ReportedServices::AtTip(const VerifiedTip& tip) const {
  PackedServices moved;
  v1::Service service;
  absl::string_view rest = packed_ == nullptr ? absl::string_view() : *packed_;
  while (!rest.empty()) {
    const Item item = Next(rest);
    std::string name(item.name);
    if (tip.except.contains(name)) continue;
    service.ParseFromArray(item.bytes.data(), static_cast<int>(item.bytes.size()));
    if (service.upstream() != tip.upstream || service.user() != tip.user ||
        service.branch() != tip.branch) {
      continue;
    }
    const bool moves = service.tracking() != v1::TRACKING_COORDINATED;
    if (service.target_hash() == tip.hash && (!moves || service.hash() == tip.hash)) continue;
    Unshrink(service);
    service.set_target_hash(tip.hash);
    service.clear_target_commit();
    if (tip.commit.has_value()) *service.mutable_target_commit() = *tip.commit;
    if (moves) {
      service.set_hash(tip.hash);
      service.clear_commit();
      if (tip.commit.has_value()) *service.mutable_commit() = *tip.commit;
    }
    service.set_generation(service.generation() + 1);
    moved.insert_or_assign(std::move(name), Pack(service));
  }
  return With(moved, {});
}

std::vector<v1::Service> ReportedServices::List(const std::string& host) const {
  std::vector<v1::Service> list;
  list.reserve(static_cast<size_t>(size_));
  absl::string_view rest = packed_ == nullptr ? absl::string_view() : *packed_;
  while (!rest.empty()) {
    const Item item = Next(rest);
    v1::Service& service = list.emplace_back();
    service.ParseFromArray(item.bytes.data(), static_cast<int>(item.bytes.size()));
    Unshrink(service);
    service.set_host(host);
    service.set_service(std::string(item.name));
  }
  return list;
}

bool ReportedServices::Has(absl::string_view service) const {
  absl::string_view rest = packed_ == nullptr ? absl::string_view() : *packed_;
  while (!rest.empty()) {
    const Item item = Next(rest);
    if (item.name >= service) return item.name == service;
  }
  return false;
}

bool ReportedServices::operator==(const ReportedServices& other) const {
  if (packed_ == other.packed_) return true;
  return packed_ != nullptr && other.packed_ != nullptr && *packed_ == *other.packed_;
}

VerifiedTip CleanTip(const v1::TipVerified& tip) {
  VerifiedTip clean = {.upstream = CleanText(tip.upstream(), kShortText),
                       .user = CleanText(tip.user(), kShortText),
                       .branch = CleanText(tip.branch(), kShortText),
                       .hash = CleanText(tip.hash(), kShortText),
                       .except = {tip.except().begin(), tip.except().end()},
                       .commit = std::nullopt};
  if (tip.has_commit()) CleanCommit(clean.commit.emplace(tip.commit()));
  return clean;
}

ServicesByHost CleanServices(const google::protobuf::RepeatedPtrField<v1::Service>& services) {
  ServicesByHost by_host;
  for (const v1::Service& service : services) {
    std::optional<v1::Service> clean = CleanService(service);
    if (!clean.has_value() || !CheckHostName(service.host()).ok()) continue;
    std::string name = clean->service();
    by_host[absl::AsciiStrToLower(service.host())].insert_or_assign(std::move(name),
                                                                    Pack(*std::move(clean)));
  }
  return by_host;
}

std::string DialAddress(absl::string_view reported, absl::string_view peer) {
  const std::string from = PeerHost(peer);
  // A peer without a host part is on a unix socket, so on this machine.
  const bool from_here = from.empty() || Address{.host = from, .port = 1}.is_local();
  const std::string host = from.empty() ? "127.0.0.1" : from;
  const absl::StatusOr<Address> address =
      reported.empty() ? Address{.port = kAgentPort} : ParseAddress(reported, kAgentPort);
  if (!address.ok() || reported.size() > kShortText) return "";
  if (address->is_unix()) {
    return from_here ? address->ToString() : Address{.host = host, .port = kAgentPort}.ToString();
  }
  if (address->port == 0) return "";
  const bool elsewhere = address->is_wildcard() || (address->is_local() && !from_here);
  return elsewhere ? Address{.host = host, .port = address->port}.ToString() : address->ToString();
}

absl::StatusOr<std::vector<std::string>> ReportableNames(const Principal& caller,
                                                         const std::vector<std::string>& names) {
  if (!IsProven(caller)) return names;
  if (caller.kind == Principal::Kind::kAgent) {
    for (const std::string& name : names) {
      if (absl::EqualsIgnoreCase(name, caller.name)) return std::vector<std::string>{name};
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat(PrincipalText(caller), " may not report for the host ",
                   names.empty() ? "" : names[0], ": its certificate does not name it"));
}

bool MayTakeOver(const Principal& older, const Principal& newer, bool same_run) {
  if (IsProven(older) || IsProven(newer)) {
    return IsProven(newer) && (!IsProven(older) || PrincipalKey(older) == PrincipalKey(newer));
  }
  return same_run || (PrincipalKey(older) == PrincipalKey(newer) && older.address == newer.address);
}

}  // namespace gitops
