const find = document.getElementById('find');
const odd = document.getElementById('odd');
const count = document.getElementById('count');
const images = [...document.querySelectorAll('.image')];

function show() {
  const words = find.value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const image of images) {
    const text = image.textContent.toLowerCase();
    image.hidden = (odd.checked && !image.classList.contains('marked')) || !words.every(w => text.includes(w));
    shown += !image.hidden;
  }
  count.textContent = shown.toLocaleString() + ' shown';
}

find.addEventListener('input', show);
odd.addEventListener('change', show);
show();
