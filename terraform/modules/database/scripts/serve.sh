#!/usr/bin/env bash
# What the database container runs in place of the image's own entry point, which makes users on an empty volume only:
# here every start brings the users and their passwords to what the secrets say, and then serves.
# Reads PORT, ROOT_PASSWORD, API_USERNAME and API_PASSWORD.
set -euo pipefail

# Without full-time diagnostic data capture: it writes every second, to storage that is billed by what is written.
server=(mongod --dbpath /data/db --setParameter diagnosticDataCollectionEnabled=false)

# Without authentication, so out of reach from outside; on another port, so that nobody takes it for the server that serves.
setup_port=$((PORT == 27016 ? 27017 : 27016))
"${server[@]}" --port "$setup_port" --bind_ip 127.0.0.1 --fork --logpath /tmp/setup.log || { cat /tmp/setup.log; exit 1; }

# Users of the API are named by version (api-v2; api was the first). The newest before this one stays, for tasks that still have
# its password, and newer ones stay, for this may be an older revision to which ECS has gone back. All others go.
mongosh --quiet --port "$setup_port" --eval '
  const ensure = (database, name, password, roles) => {
    const target = db.getSiblingDB(database);
    target.getUser(name)
      ? target.updateUser(name, { pwd: password, roles })
      : target.createUser({ user: name, pwd: password, roles });
  };
  const { API_USERNAME, API_PASSWORD, ROOT_PASSWORD } = process.env;
  ensure("admin", "root", ROOT_PASSWORD, ["root"]);
  ensure("users", API_USERNAME, API_PASSWORD, [{ role: "readWrite", db: "users" }]);

  const version = name => Number(name.split("-v")[1] ?? 0);
  const users = db.getSiblingDB("users");
  users.getUsers().users.map(({ user }) => user)
    .filter(user => /^api(-v[0-9]+)?$/.test(user) && version(user) < version(API_USERNAME))
    .sort((a, b) => version(b) - version(a))
    .slice(1)
    .forEach(user => users.dropUser(user));
'

"${server[@]}" --shutdown

unset ROOT_PASSWORD API_PASSWORD
exec "${server[@]}" --port "$PORT" --bind_ip_all --auth
