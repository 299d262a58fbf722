#ifndef GITOPS_SERVICES_PLANNER_FLEET_REPORTED_SERVICES_H_
#define GITOPS_SERVICES_PLANNER_FLEET_REPORTED_SERVICES_H_

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gitops/v1/types.pb.h"

namespace gitops {

// A service as bytes, without its name and host. A parsed message takes several times the memory.
struct PackedService {
  std::string bytes;
  bool degraded = false;

  bool operator==(const PackedService&) const = default;
};
using PackedServices = std::map<std::string, PackedService>;  // by name

PackedService Pack(v1::Service service);
// The bytes that they take in a ReportedServices.
size_t PackedBytes(const PackedServices& services);

// The services that one host reported. A value: copies share one buffer, which never changes.
class ReportedServices {
 public:
  // These without `removed`, and with `put`, which replaces services of the same name. Takes time
  // in proportion to both.
  ReportedServices With(const PackedServices& put, const std::set<std::string>& removed) const;

  // By name, with `host` as their host.
  std::vector<v1::Service> List(const std::string& host) const;
  int size() const { return size_; }
  int degraded() const { return degraded_; }
  size_t bytes() const { return packed_ == nullptr ? 0 : packed_->size(); }

  bool operator==(const ReportedServices& other) const;

 private:
  std::shared_ptr<const std::string> packed_;  // sorted by name; null: none
  int size_ = 0;
  int degraded_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_REPORTED_SERVICES_H_
