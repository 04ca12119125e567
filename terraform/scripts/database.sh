#!/usr/bin/env bash
# What the database container runs in place of the image's own entry point, which makes users on an empty volume only:
# here every start brings the users and their passwords to what the secrets say, and then serves.
# Reads PORT, ROOT_PASSWORD and API_PASSWORD.
set -euo pipefail

server=(mongod --dbpath /data/db --port "$PORT")

# Without authentication, so out of reach from outside.
"${server[@]}" --bind_ip 127.0.0.1 --fork --logpath /tmp/setup.log || { cat /tmp/setup.log; exit 1; }

mongosh --quiet --port "$PORT" --eval '
  const ensure = (database, name, password, roles) => {
    const target = db.getSiblingDB(database);
    target.getUser(name)
      ? target.updateUser(name, { pwd: password, roles })
      : target.createUser({ user: name, pwd: password, roles });
  };
  ensure("admin", "root", process.env.ROOT_PASSWORD, ["root"]);
  ensure("users", "api", process.env.API_PASSWORD, [{ role: "readWrite", db: "users" }]);
'

"${server[@]}" --shutdown

unset ROOT_PASSWORD API_PASSWORD
exec "${server[@]}" --bind_ip_all --auth
