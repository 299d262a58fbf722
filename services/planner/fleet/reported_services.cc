#include "services/planner/fleet/reported_services.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/string_view.h"

namespace gitops {
namespace {

// Before the name and the bytes of each service.
struct Header {
  uint32_t bytes;
  uint16_t name;
  uint8_t degraded;
};

struct Item {
  absl::string_view name, bytes;
  bool degraded = false;
};

// Removes the first item of `packed` and returns it.
Item Next(absl::string_view& packed) {
  Header header;
  std::memcpy(&header, packed.data(), sizeof(header));
  packed.remove_prefix(sizeof(header));
  const Item item{packed.substr(0, header.name), packed.substr(header.name, header.bytes),
                  header.degraded != 0};
  packed.remove_prefix(header.name + header.bytes);
  return item;
}

void Append(const Item& item, std::string& packed) {
  Header header = {};
  header.bytes = static_cast<uint32_t>(item.bytes.size());
  header.name = static_cast<uint16_t>(item.name.size());
  header.degraded = item.degraded ? 1 : 0;
  packed.append(reinterpret_cast<const char*>(&header), sizeof(header));
  packed.append(item.name.data(), item.name.size());
  packed.append(item.bytes.data(), item.bytes.size());
}

bool IsDegraded(v1::ServiceState state) {
  return state == v1::SERVICE_STATE_BROKEN || state == v1::SERVICE_STATE_DIFF;
}

}  // namespace

PackedService Pack(v1::Service service) {
  service.clear_host();
  service.clear_service();
  return {service.SerializeAsString(), IsDegraded(service.state())};
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
  };
  auto next = put.begin();
  const auto add_next = [&] {
    add({next->first, next->second.bytes, next->second.degraded});
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

std::vector<v1::Service> ReportedServices::List(const std::string& host) const {
  std::vector<v1::Service> list;
  list.reserve(static_cast<size_t>(size_));
  absl::string_view rest = packed_ == nullptr ? absl::string_view() : *packed_;
  while (!rest.empty()) {
    const Item item = Next(rest);
    v1::Service& service = list.emplace_back();
    service.ParseFromArray(item.bytes.data(), static_cast<int>(item.bytes.size()));
    service.set_host(host);
    service.set_service(std::string(item.name));
  }
  return list;
}

bool ReportedServices::operator==(const ReportedServices& other) const {
  if (packed_ == other.packed_) return true;
  return packed_ != nullptr && other.packed_ != nullptr && *packed_ == *other.packed_;
}

}  // namespace gitops
