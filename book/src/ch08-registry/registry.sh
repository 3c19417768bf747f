# Starts a registry at port 5000, which keeps all it has in the directory shelf.
# locked: only for alice, password wonder:land; port 5001 hands out the blobs.
# tokens: only for who has a token of the server at port 5001.
[ -e registry.pid ] && kill $(cat registry.pid)
tries=0
while curl -sm 2 localhost:5000 -o /dev/null; test $? -ne 7; do
    tries=$((tries + 1))
    if [ $tries -gt 50 ]; then
        echo "somebody else is at port 5000:" \
            "systemctl disable --now docker-registry" >&2
        exit 1
    fi
    sleep .1
done

cat > registry.yml << END
version: 0.1
storage: { filesystem: { rootdirectory: $PWD/shelf } }
http: { addr: "localhost:5000", secret: x }
END

case "$1" in
locked)
    echo 'alice:$2y$05$abcdefghijklmnopqrstuu12xgx35XzVimpLAARVsY.qvjwFuB00y' > htpasswd
    cat >> registry.yml << END
auth: { htpasswd: { realm: shelf, path: $PWD/htpasswd } }
middleware: { storage: [ { name: redirect, options: { baseurl: "http://localhost:5001" } } ] }
END
    ;;
tokens)
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=issuer \
        -keyout issuer.key -out issuer.crt 2> issuer.log
    cat >> registry.yml << END
auth:
  token: { realm: "http://localhost:5001/token", service: shelf, issuer: i, rootcertbundle: $PWD/issuer.crt }
END
    ;;
esac

docker-registry serve registry.yml > registry.log 2>&1 &
echo $! > registry.pid
curl -s --retry 9 --retry-connrefused localhost:5000 -o /dev/null
